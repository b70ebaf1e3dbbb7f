#!/bin/bash
# Ends this machine when its cloud takes it back, after its work, and when nobody uses it. Runs as long as it is up.
# `aic-tui-watch idle` looks once whether anything is done here; without an argument it looks for ever.
# Idle time is counted by uptime, which a stepped clock does not touch; what cannot be read counts as work.
set -u
export LC_ALL=C

config=/etc/aic-tui
volatile=/run/aic-tui
metadata=http://169.254.169.254/latest
container=aic-tui-framework
setup=/usr/local/sbin/aic-tui-setup
# GPUs doing less than this many percent do nothing.
busy_percent=5
# A shell counts as in use for so long after a key; its idle time begins at the key all the same.
shell_seconds=60
# Time that nobody looked at is not idle time.
gap_seconds=90
# A set-up that tells nothing new for so long hangs.
stall_seconds=7200
# What is left of the notice when the requests in flight are given up, and what a notice without a usable time is worth.
margin_seconds=30
notice_seconds=110
# The drain's own requests come from here, where new ones of everybody else are turned away.
own_address=127.0.0.9

log() { printf 'aic-tui-watch: %s\n' "$*" >&2; }

read_uptime() {
    { read -r uptime _ </proc/uptime; } 2>/dev/null || uptime=0
    uptime=${uptime%%.*}
}

write_file() {
    local content
    content=$(cat)
    { printf '%s\n' "$content" >"$1.$$" && chmod "$2" "$1.$$" && mv -f "$1.$$" "$1"; } 2>/dev/null && return
    rm -f "$1.$$" 2>/dev/null
    # Where there is no room for a second file, the first one's may do.
    { printf '%s\n' "$content" >"$1"; } 2>/dev/null
}

# A program that may hang, for at most $1 seconds; one that cannot be killed holds up this look only.
bounded() { timeout -k 1 "$@" 2>/dev/null; }

read_config() {
    framework=none node_port='' idle_seconds=none gpu_count=1 models=()
    # shellcheck source=/dev/null
    [[ ! -r $config/node.conf ]] || . "$config/node.conf"
    [[ $idle_seconds =~ ^[1-9][0-9]{0,8}$ ]] || idle_seconds=none
    [[ $gpu_count =~ ^[0-9]{1,3}$ ]] || gpu_count=1
}

# True on a machine started from a copy of another machine's disk, whose limits do not apply there.
is_copied_disk() {
    local here='' there=''
    { read -r here </sys/devices/virtual/dmi/id/board_asset_tag; } 2>/dev/null
    { read -r there <"$config/machine"; } 2>/dev/null
    [[ $here == i-* && $there == i-* && $here != "$there" ]]
}

ask_cloud() { bounded 4 curl -sS --noproxy '*' --max-time 2 --max-filesize 4096 "$@"; }

# Sets `answer` to what the metadata holds under $1; returns 1 where it holds nothing, 2 where it cannot be asked.
token='' token_until=0
ask_metadata() {
    answer=''
    if [[ -z $token ]] || ((uptime >= token_until)); then
        token=$(ask_cloud -f -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' "$metadata/api/token") || token=''
        [[ -n $token ]] || return 2
        token_until=$((uptime + 20000))
    fi
    answer=$(printf 'X-aws-ec2-metadata-token: %s\n' "$token" |
        ask_cloud -H @- -w '\n%{http_code}' "$metadata/meta-data/$1") || return 2
    case ${answer##*$'\n'} in
        200) answer=${answer%$'\n'*} ;;
        404) return 1 ;;
        *)
            token=''
            return 2
            ;;
    esac
}

is_moment() { [[ $1 =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$ ]]; }

# --- What is done here

# True where the NVIDIA GPUs have no driver: nothing works on them. Other makers' GPUs are not known here.
has_no_driver() { [[ ! -e /proc/driver/nvidia ]] && grep -qs 0x10de /sys/bus/pci/devices/*/vendor; }

# Sets `gpu` to the busiest GPU's percent; fails with `problem` where one cannot be read.
read_gpus() {
    local said line count=0
    gpu=0 problem='GPU cannot be read'
    ((gpu_count > 0)) || return 0
    said=$(bounded 8 nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits) || {
        has_no_driver
        return
    }
    while read -r line; do
        [[ $line =~ ^[0-9]{1,3}$ ]] || return
        ((count += 1))
        if ((10#$line > gpu)); then gpu=$((10#$line)); fi
    done <<<"$said"
    ((count >= gpu_count)) || return
    # Else the driver may be started by each look, which reads as work.
    [[ -e $volatile/persistent ]] || {
        bounded 20 nvidia-smi -pm 1 >/dev/null
        { : >"$volatile/persistent"; } 2>/dev/null
    }
    return 0
}

# Sets `page` to what the framework answers under $1.
ask_framework() {
    local key='' line
    while IFS= read -r line; do
        [[ $line != API_KEY=* ]] || key=${line#API_KEY=}
    done 2>/dev/null <"$config/secrets.env"
    page=$(printf 'Authorization: Bearer %s\n' "$key" |
        bounded 5 curl -sS -f --noproxy '*' --interface "$own_address" --max-time 3 --max-filesize 8388608 \
            -H @- "http://127.0.0.1:$node_port$1")
}

# The sum of the metrics named $1 in `page` over all their labels, times $2; nothing where there is none.
# A page is piped, never a here-document: a large one of those is a file, for which a full disk has no room.
metric() {
    printf '%s\n' "$page" | awk -v name="$1" -v times="${2:-1}" '
        $0 !~ /^#/ && index($0, name) == 1 && substr($0, length(name) + 1, 1) ~ /[{ \t]/ { sum += $NF; seen = 1 }
        END { if (seen) printf "%.0f", sum * times }'
}

# Sets `running` and `waiting`, and `work`, which differs as soon as any request was served in between.
# Returns 7 where nothing listens.
read_requests() {
    running='' waiting='' kv_percent='' loaded='' work='' problem='requests cannot be read'
    case $framework in
        vllm)
            ask_framework /metrics || return
            running=$(metric vllm:num_requests_running) waiting=$(metric vllm:num_requests_waiting)
            work="$(metric vllm:request_success_total) $(metric vllm:prompt_tokens_total) $(metric vllm:generation_tokens_total)"
            kv_percent=$(metric vllm:kv_cache_usage_perc 100)
            kv_percent=${kv_percent:-$(metric vllm:gpu_cache_usage_perc 100)}
            ;;
        tgi) # a metric that nothing was counted in yet is absent
            ask_framework /metrics || return
            running=$(metric tgi_batch_current_size) waiting=$(metric tgi_queue_size)
            running=${running:-0} waiting=${waiting:-0}
            work=$(metric tgi_request_count)
            ;;
        llamacpp)
            read_llamacpp || return
            ;;
        ollama)
            read_ollama
            return
            ;;
        *) return 0 ;;
    esac
    [[ $running =~ ^[0-9]+$ && $waiting =~ ^[0-9]+$ ]] || return
    local IFS=,
    loaded="${models[*]}"
}

read_llamacpp() {
    if ask_framework /metrics; then
        running=$(metric llamacpp:requests_processing) waiting=$(metric llamacpp:requests_deferred)
        work="$(metric llamacpp:prompt_tokens_total) $(metric llamacpp:tokens_predicted_total)"
    elif (($? == 7)); then
        return 7
    elif ask_framework /slots && [[ $page == \[* ]]; then
        running=$(printf '%s\n' "$page" | grep -o '"is_processing" *: *true' | wc -l) waiting=0
        work=$(printf '%s\n' "$page" | grep -o '"id_task" *: *-\{0,1\}[0-9]*')
    else
        return 1
    fi
}

# Ollama counts nothing: a request that ends moves its model's expiry, and one that goes on outlives it.
read_ollama() {
    local moment
    ask_framework /api/ps && [[ $page == *'"models"'* ]] || return
    loaded=$(printf '%s\n' "$page" | grep -o '"name" *: *"[^"]*"' | sed 's/.*: *"//; s/"$//' | paste -sd, -)
    work=$(printf '%s\n' "$page" | grep -o '"expires_at" *: *"[^"]*"')
    while read -r moment; do
        is_moment "$moment" || continue
        if (($(date -u -d "$moment" +%s) < $(date -u +%s))); then running=1; fi
    done <<<"$(sed 's/.*: *"//; s/"$//' <<<"$work")"
    return 0
}

# Sets `typed` to when a terminal was last typed into: output does not count, and a tunnel has none. Opening one counts
# once it stays (`+` and when it came, until then): `sudo` opens one for as long as its command runs. A terminal is
# known by its name and when it was opened.
read_shells() {
    local entry known=" $shells_before "
    shells='' came=''
    for entry in $(stat -c '%n@%Z@%X' /dev/pts/[0-9]* 2>/dev/null); do
        if [[ $known =~ " $entry+"([0-9]+)" " ]]; then
            if ((BASH_REMATCH[1] > typed)); then typed=${BASH_REMATCH[1]}; fi
        elif [[ $known == *" ${entry%@*}@"* ]]; then
            [[ $known == *" $entry "* ]] || typed=$uptime
        else
            came=1 entry+=+$uptime
        fi
        shells+="$entry "
    done
}

# How the set-up stands: `none`, `running`, `ready`, or `given-up` where it failed or waits for what a person must give.
set_up_state() {
    local line found=ready
    if [[ ! -x $setup ]]; then
        echo none
        return
    fi
    [[ -e $volatile/progress ]] || found=running
    while IFS= read -r line; do
        case $line in
            *$'\tfailed\t'* | *$'\trunning\t'*$'\twaits for a Hugging Face token'*) found=given-up ;;
            *$'\trunning\t'* | *$'\twaiting\t'*) [[ $found == given-up ]] || found=running ;;
        esac
    done 2>/dev/null <"$volatile/progress"
    if [[ $found == running ]]; then
        case $(bounded 5 systemctl show -p ActiveState --value aic-tui-setup.service) in
            failed) found=given-up ;;
            inactive) [[ ! -e $volatile/progress ]] || found=given-up ;; # somebody stopped it
        esac
    fi
    echo "$found"
}

# --- How long nothing has been done

load_state() {
    local key value
    active='' looked='' typed=0 work_before='' shells_before='' awake_tag='' awake=0 since_before='' began_before=0
    steps_before='' moved=0 greeted=0
    while IFS=$'\t' read -r key value; do
        case $key in
            work | shells | awake_tag | steps) ;;
            *) [[ $value =~ ^-?[0-9]{1,11}$ ]] || continue ;;
        esac
        case $key in
            active) active=$value ;;
            looked) looked=$value ;;
            typed) typed=$value ;;
            work) work_before=$value ;;
            shells) shells_before=$value ;;
            awake_tag) awake_tag=$value ;;
            awake) awake=$value ;;
            since) since_before=$value ;;
            began) began_before=$value ;;
            steps) steps_before=$value ;;
            moved) moved=$value ;;
            greeted) greeted=$value ;;
        esac
    done 2>/dev/null <"$volatile/watch"
}

save_state() {
    printf '%s\t%s\n' active "$active" looked "$uptime" typed "$typed" work "$work" shells "$shells" \
        awake_tag "$awake_tag" awake "$awake" since "$since" began "$began" \
        steps "$steps" moved "$moved" greeted "$greeted" | write_file "$volatile/watch" 644
}

# Sets `busy` to the first reason to take this machine for busy, empty where there is none.
find_work() {
    local state
    state=$(set_up_state)
    steps=$(cut -f 1-4,7 "$volatile/progress" 2>/dev/null | cksum)
    [[ $steps == "$steps_before" ]] || moved=$uptime
    [[ $state != running ]] || ((uptime - moved < stall_seconds)) || state=given-up
    busy=''
    [[ $state != running ]] || busy='set-up'
    if ! read_gpus; then
        busy=${busy:-$problem}
    elif ((gpu >= busy_percent)); then
        busy=${busy:-GPU at $gpu %}
    fi
    read_requests
    case $? in
        0) ((running + waiting == 0)) || busy=${busy:-$((running + waiting)) requests} ;;
        7) ;; # a server that is not there serves nobody
        *) [[ $state == given-up ]] || busy=${busy:-$problem} ;;
    esac
    work=${work//[$'\t\n']/ }
    [[ $work == "$work_before" ]] || busy=${busy:-requests since the last look}
    read_shells
    if [[ -n $busy || -z $active ]] || ((uptime - ${looked:-0} > gap_seconds)); then active=$uptime; fi
    if ((uptime - typed < shell_seconds && typed > 0)); then
        busy=${busy:-a shell in use}
    elif [[ -n $came ]] && ((greeted < active || greeted < typed)); then
        # Whoever comes at the last moment gets one more look, once for each time of work.
        busy=${busy:-a shell in use} greeted=$uptime
    fi
}

# Sets `awake` to the uptime before which idleness ends nothing; a tag is turned into uptime once, when it is new.
read_awake() {
    local moment
    ask_metadata tags/instance/aic-tui:awake-until
    case $? in
        0) [[ $answer != "$awake_tag" ]] || return ;;
        1) answer='' ;;
        *) return ;;
    esac
    awake_tag='' awake=0
    if is_moment "$answer" && moment=$(date -u -d "$answer" +%s 2>/dev/null); then
        awake_tag=$answer awake=$((uptime + moment - $(date -u +%s)))
    fi
}

write_activity() {
    local notice=''
    { IFS= read -r notice <"$volatile/notice"; } 2>/dev/null
    printf '%s\t%s\n' checked "$(date -u +%s)" idle_since "$1" limit "$idle_seconds" ends "$2" busy "$busy" \
        running "$running" waiting "$waiting" kv_percent "$kv_percent" models "$loaded" notice "$notice" |
        write_file "$volatile/activity" 644
}

look_for_work() {
    local since began now ends=''
    read_uptime
    read_config
    load_state
    find_work
    since=$((active > typed ? active : typed))
    now=$(date -u +%s)
    began=$((now - uptime + since))
    # The same moment is told each time, although two clocks that are cut to seconds differ by one now and then.
    if [[ $since == "$since_before" ]] && ((began - began_before <= 2 && began_before - began <= 2)); then
        began=$began_before
    fi
    if [[ -z $busy && $idle_seconds != none ]]; then
        read_awake
        ends=$((since + idle_seconds))
        if ((awake > ends)); then ends=$awake; fi
    fi
    save_state || log 'What was seen cannot be written down.'
    if [[ -n $busy ]]; then
        write_activity '' ''
    else
        write_activity "$began" "${ends:+$((began + ends - since))}"
    fi
    if [[ -z $ends ]] || ((uptime < ends)); then
        rm -f "$volatile/watch-ending" 2>/dev/null
    else
        power_off "Nothing was done here for $((uptime - since)) seconds"
    fi
}

# Each call that finds the machine still up after some time goes one step further; a step that fails leads on at once.
power_off() {
    local asked='' passed
    { read -r asked <"$volatile/watch-ending"; } 2>/dev/null
    if [[ ! $asked =~ ^[0-9]+$ ]]; then
        asked=$uptime
        write_file "$volatile/watch-ending" 644 <<<"$asked"
        log "$1: powering off."
        bounded 20 shutdown -h now && return
        passed=120
    else
        passed=$((uptime - asked))
    fi
    ((passed >= 120)) || return
    log 'Powering off by force.'
    bounded 20 systemctl poweroff --force && ((passed < 180)) && return
    { echo 1 >/proc/sys/kernel/sysrq; } 2>/dev/null
    { echo s >/proc/sysrq-trigger && echo o >/proc/sysrq-trigger; } 2>/dev/null
}

# --- The cloud takes the machine back

look_for_notice() {
    local moment='' left=$notice_seconds
    ask_metadata spot/instance-action || return
    [[ $answer =~ \"action\"[[:space:]]*:[[:space:]]*\"(terminate|stop|hibernate)\" ]] || return
    if [[ -e $volatile/notice ]]; then
        power_off 'The cloud takes this machine back'
        return
    fi
    [[ ! $answer =~ \"time\"[[:space:]]*:[[:space:]]*\"([^\"]+)\" ]] || moment=${BASH_REMATCH[1]}
    if is_moment "$moment"; then
        left=$(($(date -u -d "$moment" +%s) - $(date -u +%s)))
        ((left > 0 && left <= 130)) || left=$notice_seconds
    else
        moment=''
    fi
    tell_notice "The cloud takes this machine back${moment:+ at $moment}."
    drain $((uptime + left - margin_seconds))
    read_uptime
    power_off 'The cloud takes this machine back'
}

tell_notice() {
    log "$1"
    ! is_looking || kill -9 "$look" 2>/dev/null
    write_file "$volatile/notice" 644 <<<"$1"
    { grep -v '^notice' "$volatile/activity" 2>/dev/null || printf 'checked\t%s\n' "$(date -u +%s)"
        printf 'notice\t%s\n' "$1"; } | write_file "$volatile/activity" 644
}

# Returns 0 while somebody is being answered, 1 when nobody is, 2 where that cannot be read.
is_answering() {
    if [[ $framework == ollama ]]; then
        read_gpus || return 2
        ((gpu >= busy_percent))
        return
    fi
    read_requests
    case $? in
        0) ((running + waiting > 0)) ;;
        7) return 1 ;; # nothing listens
        *) return 2 ;;
    esac
}

# No new requests from now on; those in flight, and the hook, get until $1.
drain() {
    local grace=2 state
    read_config
    if [[ -n $node_port ]]; then
        bounded 3 iptables -w 1 -I INPUT -i lo -p tcp ! -s "$own_address" --dport "$node_port" --syn \
            -j REJECT --reject-with tcp-reset
    fi
    if [[ -x $config/drain ]] && ((uptime < $1)); then
        timeout -k 1 $(($1 - uptime)) "$config/drain"
    fi
    [[ -n $node_port ]] || return
    while :; do
        read_uptime
        is_answering
        state=$?
        ((state == 0 && uptime < $1)) || break
        sleep 1
    done
    if ((state == 2 && $1 - uptime > grace)); then grace=$(($1 - uptime)); fi
    bounded $((grace + 2)) docker stop -t "$grace" "$container" >/dev/null
}

# --- For ever

# By the shell's own list: in weeks another program may get the number of a look that is over.
is_looking() { [[ -n $look && -n $(jobs -pr) ]]; }

start_look() {
    if is_looking; then
        # Waiting for a program that nothing can kill: a second look would only wait beside it.
        if ((uptime - look_began > 60)); then
            read_config
            busy='the look for work hangs' running='' waiting='' kv_percent='' loaded=''
            write_activity '' ''
        fi
        return
    fi
    "$0" idle &
    look=$! look_began=$uptime
}

mkdir -p "$volatile"
if [[ ${1:-} == idle ]]; then
    read_uptime
    look_for_work
    exit 0
fi
look='' look_began=0 round=0
while :; do
    read_uptime
    if ! is_copied_disk; then
        look_for_notice
        ((round % 3)) || start_look
    fi
    ((round += 1))
    sleep 5
done
