#!/bin/bash
# Ends this machine when its time is up, whatever else has died. Runs each minute and early in every boot.
# The end and its cap are seconds since 1970 in UTC, or `none`, which is later than every moment.
set -u
export LC_ALL=C

config=/etc/aic-tui
kept=/var/lib/aic-tui
volatile=/run/aic-tui
metadata=http://169.254.169.254/latest

log() { printf 'aic-tui-deadman: %s\n' "$*" >&2; }

is_moment() { [[ $1 == none || $1 =~ ^(0|[1-9][0-9]{0,10})$ ]]; }

moment_in() {
    local value=
    { IFS= read -r value <"$1"; } 2>/dev/null
    is_moment "$value" && printf '%s' "$value"
}

earlier_of() {
    if [[ $1 == none ]]; then
        printf '%s' "$2"
    elif [[ $2 == none ]] || (($1 <= $2)); then
        printf '%s' "$1"
    else
        printf '%s' "$2"
    fi
}

write_file() {
    { printf '%s\n' "$2" >"$1.new" && sync "$1.new" && mv -f "$1.new" "$1"; } 2>/dev/null && return
    rm -f "$1.new" 2>/dev/null
    return 1
}

ask_metadata() { curl -fsS --noproxy '*' --max-time 2 --max-filesize 256 "$@" 2>/dev/null; }

# The end as the owner's tag on this machine has it now; fails where it cannot be read or makes no sense.
end_in_tag() {
    local token value
    token=$(ask_metadata -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token") || return
    value=$(printf 'X-aws-ec2-metadata-token: %s\n' "$token" |
        ask_metadata -H @- "$metadata/meta-data/tags/instance/aic-tui:expires-at") || return
    if [[ $value != none ]]; then
        [[ $value =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|\+00:00)$ ]] || return
        value=$(date -u -d "$value" +%s 2>/dev/null) || return
    fi
    is_moment "$value" && printf '%s' "$value"
}

# Sets `now`, as late as anything says: a clock that was put back gives no time away.
read_clock() {
    local file mark mark_boot mark_uptime
    now=$(date -u +%s)
    boot='' uptime=0
    { read -r boot </proc/sys/kernel/random/boot_id && read -r uptime _ </proc/uptime; } 2>/dev/null
    uptime=${uptime%%.*}
    for file in "$kept/clock" "$volatile/clock"; do
        mark='' mark_boot='' mark_uptime=''
        { read -r mark mark_boot mark_uptime <"$file"; } 2>/dev/null
        [[ $mark =~ ^[1-9][0-9]{0,10}$ && $mark_uptime =~ ^[0-9]{1,10}$ ]] || continue
        if [[ $mark_boot == "$boot" ]] && ((10#$uptime > 10#$mark_uptime)); then
            mark=$((mark + 10#$uptime - 10#$mark_uptime))
        fi
        if ((mark > now)); then now=$mark; fi
    done
}

# True early in a boot after the first one, while the tag cannot be read for want of a network: a machine that was
# started after the end it knows was given a new one first. Past the cap no tag could help.
may_have_been_moved() {
    [[ -z $asked && -s $kept/clock && -r /proc/uptime && $uptime =~ ^[0-9]{1,3}$ ]] || return
    ((10#$uptime < 240)) && [[ $cap == none || $now -lt $cap ]]
}

# Each call goes one step further than the last one in this boot; a step that fails leads to the next at once.
power_off() {
    local step=0
    { read -r step <"$volatile/ending"; } 2>/dev/null
    [[ $step =~ ^[0-9]$ ]] || step=0
    write_file "$volatile/ending" $((step < 2 ? step + 1 : 2))
    local remembered=$?
    log "The end of this machine has come: powering off (step $((step + 1)))."
    if ((step == 0)); then
        shutdown -h now && ((remembered == 0)) && return
    fi
    if ((step <= 1)); then
        systemctl poweroff --force && ((remembered == 0)) && return
    fi
    { echo 1 >/proc/sys/kernel/sysrq; } 2>/dev/null
    { echo s >/proc/sysrq-trigger && echo o >/proc/sysrq-trigger; } 2>/dev/null
}

# True on a machine started from a copy of another machine's disk, whose end does not apply there.
is_copied_disk() {
    local here='' there=''
    { read -r here </sys/devices/virtual/dmi/id/board_asset_tag; } 2>/dev/null
    { read -r there <"$config/machine"; } 2>/dev/null
    [[ $here == i-* && $there == i-* && $here != "$there" ]]
}

if is_copied_disk; then
    log "This disk was copied from another machine; its end does not apply here."
    exit 0
fi

end=$(moment_in "$config/end")
cap=$(moment_in "$config/max-end")
known=$end
# Where one of the two is lost the other stands for both; where both are, nothing says that this machine may run on.
end=${end:-${cap:-0}}
cap=${cap:-$end}
asked=$(end_in_tag) && end=$asked || asked=
end=$(earlier_of "$end" "$cap")
read_clock

# The decision comes before anything is written down: a disk that is full or hangs must not hold it up.
mkdir -p "$volatile" 2>/dev/null
if [[ $end == none ]] || ((now < end)); then
    rm -f "$volatile/ending" 2>/dev/null
elif may_have_been_moved; then
    log "The end on this disk has passed; it waits for the network to ask whether it was moved."
else
    power_off
fi

if [[ $end != "$known" ]]; then
    log "The end is now $end (was ${known:-lost})."
    write_file "$config/end" "$end" || log "The new end could not be written down."
fi
write_file "$volatile/clock" "$now $boot $uptime"
mkdir -p "$kept" 2>/dev/null
write_file "$kept/clock" "$now $boot $uptime"
exit 0
