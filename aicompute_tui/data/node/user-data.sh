#!/bin/bash
# First start of this machine: sets up what ends it. Run again for the same launch, it moves no end.
set -u
umask 022

launch='@LAUNCH@'
end='@END@'
max_end='@MAX_END@'

install_file() {
    mkdir -p "${2%/*}" && cat >"$2.new" && chmod "$1" "$2.new" && sync "$2.new" && mv -f "$2.new" "$2"
}

install_end() {
    local config=/etc/aic-tui known=
    { read -r known <"$config/launch"; } 2>/dev/null
    if [ "$known" = "$launch" ] && [ -s "$config/end" ] && [ -s "$config/max-end" ]; then
        return 0
    fi
    echo "$max_end" | install_file 644 "$config/max-end" || return
    echo "$end" | install_file 644 "$config/end" || return
    rm -f /var/lib/aic-tui/clock
    echo "$launch" | install_file 644 "$config/launch" || return
    install_file 644 "$config/machine" 2>/dev/null </sys/devices/virtual/dmi/id/board_asset_tag || rm -f "$config/machine"
}

install_deadman() {
    install_file 755 /usr/local/sbin/aic-tui-deadman <<'AIC_TUI_END_OF_FILE' || return
@DEADMAN@
AIC_TUI_END_OF_FILE
    install_file 644 /etc/systemd/system/aic-tui-deadman.service <<'AIC_TUI_END_OF_FILE' || return
@SERVICE@
AIC_TUI_END_OF_FILE
    install_file 644 /etc/systemd/system/aic-tui-deadman.timer <<'AIC_TUI_END_OF_FILE' || return
@TIMER@
AIC_TUI_END_OF_FILE
    systemctl daemon-reload &&
        systemctl enable aic-tui-deadman.service aic-tui-deadman.timer &&
        systemctl start aic-tui-deadman.timer &&
        systemctl start aic-tui-deadman.service
}

if ! { install_end && install_deadman; }; then
    echo 'aic-tui: what ends this machine could not be set up.' >&2
    # A machine that is to end but cannot see to it does not run at all.
    if [ "$end" != none ]; then
        shutdown -h now || systemctl poweroff --force || echo o >/proc/sysrq-trigger
    fi
    exit 1
fi
