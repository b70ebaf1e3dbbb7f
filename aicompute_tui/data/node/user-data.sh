#!/bin/bash
# First start of this machine: sets up what ends it, then who may log in, what watches it and what it serves.
# Run again for the same launch, it moves no end.
set -u
umask 022

launch='@LAUNCH@'
end='@END@'
max_end='@MAX_END@'
login='@LOGIN@'
has_setup='@HAS_SETUP@'

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
    # An image made of another launch's machine has these, and what was kept there was given to that one.
    rm -f /var/lib/aic-tui/clock "$config/secrets.env"
    echo "$launch" | install_file 644 "$config/launch" || return
    install_file 644 "$config/machine" 2>/dev/null </sys/devices/virtual/dmi/id/board_asset_tag || rm -f "$config/machine"
}

install_deadman() {
    install_file 755 /usr/local/sbin/aic-tui-deadman <<'AIC_TUI_END_OF_FILE' || return
@DEADMAN@
AIC_TUI_END_OF_FILE
    install_file 644 /etc/systemd/system/aic-tui-deadman.service <<'AIC_TUI_END_OF_FILE' || return
@DEADMAN_SERVICE@
AIC_TUI_END_OF_FILE
    install_file 644 /etc/systemd/system/aic-tui-deadman.timer <<'AIC_TUI_END_OF_FILE' || return
@DEADMAN_TIMER@
AIC_TUI_END_OF_FILE
    systemctl daemon-reload &&
        systemctl enable aic-tui-deadman.service aic-tui-deadman.timer &&
        systemctl start aic-tui-deadman.timer &&
        systemctl start aic-tui-deadman.service
}

# Adds the owner's public keys that the login user does not have yet.
authorize_keys() {
    local home group keys key
    home=$(getent passwd "$login" | cut -d: -f6)
    group=$(id -g "$login") && [ -d "$home" ] || return
    keys=$home/.ssh/authorized_keys
    [ -d "$home/.ssh" ] || install -d -m 700 -o "$login" -g "$group" "$home/.ssh" || return
    while read -r key; do
        # shellcheck disable=SC2086  # the words of a key: its type, itself, its comment
        [ -z "$key" ] || grep -qsF -- "$(set -- $key && echo "$1 $2")" "$keys" || {
            # The last line of what is there may not be a whole one.
            [ ! -s "$keys" ] || [ -z "$(tail -c 1 "$keys")" ] || echo >>"$keys"
            echo "$key" >>"$keys" || return
        }
    done <<'AIC_TUI_END_OF_FILE'
@KEYS@
AIC_TUI_END_OF_FILE
    [ ! -e "$keys" ] || { chown "$login:$group" "$keys" && chmod 600 "$keys"; }
}

install_watch() {
    install_file 644 /etc/aic-tui/node.conf <<'AIC_TUI_END_OF_FILE' || return
@NODE_CONF@
AIC_TUI_END_OF_FILE
    install_file 755 /usr/local/sbin/aic-tui-watch <<'AIC_TUI_END_OF_FILE' || return
@WATCH@
AIC_TUI_END_OF_FILE
    install_file 644 /etc/systemd/system/aic-tui-watch.service <<'AIC_TUI_END_OF_FILE' || return
@WATCH_SERVICE@
AIC_TUI_END_OF_FILE
    systemctl daemon-reload && systemctl enable aic-tui-watch.service && systemctl restart --no-block aic-tui-watch.service
}

install_setup() {
    install_file 755 /usr/local/sbin/aic-tui-setup <<'AIC_TUI_END_OF_FILE' || return
@SETUP@
AIC_TUI_END_OF_FILE
    install_file 644 /etc/systemd/system/aic-tui-setup.service <<'AIC_TUI_END_OF_FILE' || return
@SETUP_SERVICE@
AIC_TUI_END_OF_FILE
    systemctl daemon-reload && systemctl enable aic-tui-setup.service && systemctl restart --no-block aic-tui-setup.service
}

if ! { install_end && install_deadman; }; then
    echo 'aic-tui: what ends this machine could not be set up.' >&2
    # A machine that is to end but cannot see to it does not run at all.
    if [ "$end" != none ]; then
        shutdown -h now || systemctl poweroff --force || echo o >/proc/sysrq-trigger
    fi
    exit 1
fi
authorize_keys || echo "aic-tui: the public keys could not be given to $login." >&2
install_watch || echo 'aic-tui: what watches this machine could not be set up; its end holds.' >&2
if [ "$has_setup" = yes ]; then
    install_setup || echo 'aic-tui: the set-up of the model server could not be started.' >&2
fi
