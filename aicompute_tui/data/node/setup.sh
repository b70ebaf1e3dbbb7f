#!/bin/bash
# Sets up this machine's model server at every boot and tells in /run/aic-tui/progress how far it is, a line a step.
# What stands already is left alone. Ends with 1 where time may help, with 3 where only a person can.
set -u
umask 022
export LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive

config=/etc/aic-tui
volatile=/run/aic-tui
said=$volatile/setup-said
journal=/var/log/aic-tui/setup.log
container=aic-tui-framework
hub=${HF_ENDPOINT:-https://huggingface.co}
tick=${AIC_TUI_TICK:-100} # hundredths of a second between two looks
printf -v pause '%d.%02d' $((tick / 100)) $((tick % 100))

framework=none image='' context='' container_port='' node_port='' gpu_count='' models=()
HF_TOKEN='' API_KEY='' gpus=0 at=0 written=0 quiet='' model=''
stages=(boot) names=('') states=('done') percents=('') begun=(0) over=('') details=('')

hide() {
    local secret
    hidden=${1//[$'\t\r\n']/ }
    for secret in "$HF_TOKEN" "$API_KEY"; do
        if [[ -n $secret ]]; then hidden=${hidden//"$secret"/***}; fi
    done
}

log() {
    hide "$*"
    printf '%s %s\n' "$(date -u +%FT%TZ)" "$hidden" | tee -a "$journal" >&2
}

log_said() {
    local line
    while IFS= read -r line; do log "| $line"; done < <(tail -n 30 "$said")
}

read_uptime() {
    read -r up _ </proc/uptime
    up=$((10#${up/./}))
}

# Moments are kept by uptime and become the clock's only here, so that no step of the clock changes a duration.
write_progress() {
    local index now
    read_uptime
    if [[ -n $quiet && ${states[at]} != failed ]] && ((up - quiet < 1500)); then return; fi
    quiet='' written=$up now=$(date +%s)
    for index in "${!stages[@]}"; do
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "${stages[index]}" "${states[index]}" "${names[index]}" \
            "${percents[index]}" "${begun[index]:+$((now - (up - begun[index]) / 100))}" \
            "${over[index]:+$((now - (up - over[index]) / 100))}" "${details[index]}"
    done >"$volatile/progress.new" && mv -f "$volatile/progress.new" "$volatile/progress"
}

add_step() {
    stages+=("$1") names+=("${2-}") states+=(waiting) percents+=('') begun+=('') over+=('') details+=('')
}

next_step() {
    read_uptime
    at=$((at + 1)) written=0
    begun[at]=$up
    show running "$1"
}

# The present step's new state and sentence.
show() {
    hide "$2"
    [[ ${states[at]} != "$1" || ${details[at]} != "$hidden" ]] || return
    read_uptime
    states[at]=$1 details[at]=$hidden over[at]=''
    [[ $1 == running ]] || over[at]=$up
    log "${stages[at]} ${names[at]} $1: $2"
    write_progress
}

# What the present step does now: a percent, which never goes back, or nothing; and a sentence.
tell() {
    if [[ -n $1 ]] && (($1 > ${percents[at]:--1})); then percents[at]=$(($1 > 99 ? 99 : $1)); fi
    details[at]=$2
    read_uptime
    ((up - written < tick)) || write_progress
}

finish() {
    if [[ -n ${percents[at]} ]]; then percents[at]=100; fi
    show 'done' "${1-}"
}

fail() {
    show failed "$1"
    exit "${2:-3}"
}

# So many looks long.
rest() {
    local left
    for ((left = $1; left > 0; left--)); do
        sleep "$pause"
        tell '' "${details[at]}"
    done
}

# Sets `line`; the progress stays fresh while none comes.
next_line() {
    local part code
    line=''
    while :; do
        IFS= read -r -t "$pause" part
        code=$?
        line+=$part
        ((code > 128)) || break
        tell '' "${details[at]}"
    done
    ((code == 0)) || [[ -n $line ]]
}

gib() { printf '%d.%d GiB' $(($1 >> 30)) $((($1 % 1073741824) * 10 >> 30)); }

secrets_stamp() { stat -c '%i %Y %s' "$config/secrets.env" 2>/dev/null; }

read_secrets() {
    local line
    HF_TOKEN='' API_KEY='' stamp=$(secrets_stamp)
    { while IFS= read -r line; do
        case $line in
        HF_TOKEN=*) HF_TOKEN=${line#*=} ;;
        API_KEY=*) API_KEY=${line#*=} ;;
        esac
    done <"$config/secrets.env"; } 2>/dev/null
}

# Sets `why` to what a person can do about what was said; to nothing where the words are not known.
find_cause() {
    local words
    while IFS=@ read -r words why; do
        why=${why//%/$1}
        if grep -qiE "$words" "$said"; then return; fi
    done <<'END'
no space left@The disk is full: launch with a larger volume.
toomanyrequests|rate limit@The registry's limit for this address is reached; set-up tries again.
oomkilled@The server took more main memory than there is: launch a larger machine.
out of ?memory|memory for the cache|kv cache.* (larger|less)|larger than.*kv cache|allocate.*buffer|not enough memory|desired GPU@% does not fit into the GPUs' memory: take a smaller model or quantisation, a shorter context, or larger GPUs.
device driver|nvidia-container|driver version@The image does not run with this machine's NVIDIA driver: choose another tag or machine image.
already allocated|address already@The port is taken on the machine: stop the program that has it.
newer version@% needs a newer server: choose a newer image tag.
manifest.* (unknown|not)|repository does not|invalid reference|model.*not found|RepositoryNotFound@There is no %: check its name and tag.
GatedRepo|unauthorized|(access|:) denied|40[13] client error@% may not be read: give a token that may, or choose a public one.
greater than the derived@% was made for a shorter context: launch with --context none, or with less.
must be divisible@% cannot be split over the GPUs here: choose a machine with 1, 2, 4 or 8.
model architecture|this architecture@This server does not know models like %: choose another image tag or model.
END
    why=''
}

# Tries `$2`, more and more slowly, until it succeeds or its words tell that no further attempt would.
try_for() {
    local pauses
    for pauses in 5 10 20 40 80 0; do
        why=''
        "$2" && return
        log_said
        [[ -n $why ]] || find_cause "$1"
        lasting=3
        if [[ -n $why && $why != *'tries again'* ]]; then break; fi
        lasting=1
        why=${why:-"$1 cannot be pulled; set-up tries again: $(tail -n 1 "$said")"}
        show running "$why"
        rest $pauses
    done
    false
}

set_up_driver() {
    local try
    next_step 'waits for the driver'
    if [[ $gpu_count == 0 ]]; then
        finish 'This machine has no GPU.'
        return
    fi
    for ((try = 0; try < 120; try++)); do
        gpus=$(timeout 30 nvidia-smi -L 2>&1 | tee "$said" | grep -c '^GPU ')
        ((gpus == 0)) || break
        rest 1
    done
    if ((gpus == 0)); then
        log_said
        fail 'No NVIDIA driver answers: launch with an image that has it, such as the AWS Deep Learning Base AMI.'
    fi
    if [[ ${gpu_count:-$gpus} != "$gpus" ]]; then finish "Only $gpus of $gpu_count GPUs answer."; else finish; fi
}

install() {
    if command -v apt-get; then
        apt-get -qo DPkg::Lock::Timeout=300 update
        apt-get -qyo DPkg::Lock::Timeout=300 install "${@/%docker/docker.io}"
    else
        dnf -qy install "$@"
    fi >"$said" 2>&1 || {
        log_said
        fail "$* cannot be installed: launch with an image that has it, such as the AWS Deep Learning Base AMI."
    }
    nvidia-ctk runtime configure --runtime=docker >/dev/null 2>&1
    systemctl enable docker
    systemctl restart docker
}

set_up_docker() {
    local try packages=()
    next_step 'waits for Docker'
    command -v docker >/dev/null || packages+=(docker)
    ((gpus == 0)) || command -v nvidia-ctk >/dev/null || packages+=(nvidia-container-toolkit)
    if ((${#packages[@]})); then
        show running "installs ${packages[*]}"
        install "${packages[@]}"
    fi
    for ((try = 0; try < 60; try++)); do
        if timeout 30 docker info >"$said" 2>&1; then
            finish
            return
        fi
        ((try % 20)) || systemctl start docker
        rest 1
    done
    log_said
    fail 'Docker does not start: read its journal on the machine, or launch another.' 1
}

pull_image() {
    local line code=1 sum under_way=''
    local -A layers=()
    while next_line; do
        if [[ $line =~ ^([0-9a-f]{6,64}):' '(.*) ]]; then
            case ${BASH_REMATCH[2]} in
            'Already exists') sum=2 ;;
            'Pull complete') sum=2 under_way=1 ;;
            'Download complete') sum=1 under_way=1 ;;
            *) sum=0 ;;
            esac
            layers[${BASH_REMATCH[1]}]=$sum
            printf -v sum '+%s' "${layers[@]}"
            [[ -z $under_way ]] || tell $(((sum) * 50 / ${#layers[@]})) "${#layers[@]} layers"
        elif [[ $line == 'exit '* ]]; then
            code=${line#exit }
        else
            printf '%s\n' "$line" >&3
        fi
    done 3>"$said" < <(
        timeout 3h docker pull "$image" 2>&1
        echo "exit $?"
    )
    return "$code"
}

set_up_image() {
    next_step "pulls $image"
    docker image inspect "$image" >/dev/null 2>&1 || try_for "$image" pull_image || fail "$why" "$lasting"
    finish
}

# Sets what `docker run` is given, and the digest of it that the container carries.
describe_container() {
    local store=/var/lib/aic-tui
    mountpoint -q /opt/dlami/nvme && store=/opt/dlami/nvme
    cache=$store/models/$framework
    mkdir -p "$cache"
    options=(-d --name "$container" --restart unless-stopped -p "127.0.0.1:$node_port:$container_port"
        --log-opt max-size=20m --log-opt max-file=3)
    arguments=(--port "$container_port")
    key=
    ((gpus == 0)) || options+=(--gpus all)
    case $framework in
    ollama)
        options+=(-v "$cache:/root/.ollama" -e "OLLAMA_HOST=0.0.0.0:$container_port"
            ${context:+-e "OLLAMA_CONTEXT_LENGTH=$context"})
        arguments=()
        ;;
    vllm)
        key=VLLM_API_KEY
        options+=(--ipc host -v "$cache:/root/.cache/huggingface" -e VLLM_NO_USAGE_STATS=1)
        arguments+=(--model "$model" --tensor-parallel-size $((gpus ? gpus : 1)) --gpu-memory-utilization 0.90
            ${context:+--max-model-len "$context"})
        ;;
    tgi)
        key=API_KEY
        options+=(--shm-size 1g -v "$cache:/data")
        arguments+=(--model-id "$model" --num-shard $((gpus ? gpus : 1)) --usage-stats off
            ${context:+--max-total-tokens "$context" --max-input-tokens $((context - 1))})
        ;;
    llamacpp)
        key=LLAMA_API_KEY
        options+=(-v "$cache:/models" -e LLAMA_CACHE=/models -e HF_HOME=/models)
        arguments+=(--host 0.0.0.0 -hf "$model" --alias "$model" -ngl 99 --metrics ${context:+-c "$context"})
        ;;
    esac
    digest=$(printf '%s\0' "${options[@]}" "$image" "${arguments[@]}" "$API_KEY" | sha256sum)
    options+=(--label "aic-tui.config=${digest:0:16}")
    # By name: the values are in the environment of `docker run` only.
    [[ -z $HF_TOKEN || -z $key ]] || options+=(-e HF_TOKEN)
    [[ -z $API_KEY || -z $key ]] || options+=(-e "$key")
}

read_container() {
    state='' restarts=0 killed='' label=''
    read -r state restarts killed label < <(docker inspect -f \
        '{{.State.Status}} {{.RestartCount}} {{.State.OOMKilled}} {{index .Config.Labels "aic-tui.config"}}' "$container" 2>/dev/null)
}

# True where the container runs as it should.
container_stands() {
    describe_container
    read_container
    known_restarts=$restarts
    [[ $state == running && $label == "${digest:0:16}" ]]
}

start_container() {
    container_stands && return
    docker rm -f "$container" >/dev/null 2>&1
    log "starts the container: ${arguments[*]}"
    known_restarts=0
    (
        [[ -z $HF_TOKEN ]] || export HF_TOKEN
        [[ -z $API_KEY || -z $key ]] || export "$key=$API_KEY"
        exec docker run "${options[@]}" "$image" "${arguments[@]}"
    ) >"$said" 2>&1 && return
    log_said
    find_cause "$model"
    stop_container "${why:-The container does not start: $(tail -n 1 "$said")}"
}

# Fails the present step; the container stays as it died, with its log.
stop_container() {
    docker stop -t 5 "$container" >/dev/null 2>&1
    fail "$1"
}

check_container() {
    read_container
    [[ -n $state ]] || fail 'The container is gone: set-up starts it again.' 1
    [[ $state != running || $restarts != "$known_restarts" ]] || return
    docker logs --tail 300 "$container" >"$said" 2>&1
    [[ $killed != true ]] || echo OOMKilled >>"$said"
    find_cause "$model"
    if [[ $state == exited || $state == dead || -n $why ]] || ((restarts - known_restarts >= 3)); then
        log_said
        stop_container "${why:-The server stops again and again: read the last lines of its log in the set-up log.}"
    fi
}

ask_server() {
    { [[ -z $API_KEY ]] || printf 'Authorization: Bearer %s\n' "$API_KEY"; } |
        curl -fsS --noproxy '*' --max-time 10 -H @- "http://127.0.0.1:$node_port$1" "${@:2}" 2>/dev/null
}

server_answers() {
    if [[ $framework == ollama ]]; then
        ask_server /api/version >/dev/null
    else
        ask_server /health >/dev/null && ask_server /v1/models | grep -qF "\"$model\""
    fi
}

await_server() {
    until server_answers; do
        check_container
        rest 1
    done
}

# Sets `code`, `answer` (the headers too) of the hub.
ask_hub() {
    answer=$({ [[ -z $HF_TOKEN ]] || printf 'Authorization: Bearer %s\n' "$HF_TOKEN"; } |
        curl -sSLi --max-time 30 -H @- -w '\n%{http_code}' "$hub/api/models/$1" 2>/dev/null)
    code=${answer##*$'\n'}
}

# Where the hub refuses, it is asked again each minute, for a licence may be accepted, and when the secrets change.
wait_for_access() {
    local code answer left tries=0
    while :; do
        read_secrets
        ask_hub "$repo/auth-check"
        case $code:$answer in
        2*) break ;;
        40*GatedRepo*)
            if [[ -z $HF_TOKEN ]]; then
                show running 'waits for a Hugging Face token'
            else
                show failed "The Hugging Face token may not read $repo: accept its licence on huggingface.co, or give another token."
            fi
            ;;
        401*'Invalid credentials'*) show failed 'Hugging Face does not know the token: give a valid one.' ;;
        40[134]*) show failed "There is no $repo on Hugging Face, or it is private: check its name, or give a token that may read it." ;;
        *)
            ((++tries < 6)) || break
            show running 'Hugging Face does not answer; set-up tries again'
            ;;
        esac
        for ((left = tries ? 10 : 60; left > 0; left--)); do
            [[ $(secrets_stamp) == "$stamp" ]] || break
            rest 1
        done
    done
    show running 'starts the server'
}

# Sets `expected` to the bytes that the server will fetch, to 0 where that cannot be known.
find_expected() {
    local code answer record path size other=0 seen=0
    expected=0
    ask_hub "$repo/tree/main?recursive=true"
    [[ $code == 200 && $answer != *'rel="next"'* ]] || return
    while IFS= read -r record; do
        [[ $record =~ \"path\":\"([^\"]*)\" ]] || continue
        path=${BASH_REMATCH[1],,}
        [[ $record =~ \"size\":([0-9]+) ]] || continue
        size=${BASH_REMATCH[1]}
        case $framework:$path in
        *:original/* | *consolidated* | *mmproj*) ;;
        llamacpp:*[-._/]"${quantisation,,}"[-.]*gguf | [vt]*.safetensors) expected=$((expected + size)) ;;
        llamacpp:*.gguf) seen=1 ;;
        [vt]*.bin) other=$((other + size)) ;;
        esac
    done <<<"${answer//\{\"type\"/$'\n'}"
    if ((expected == 0 && seen)) && [[ $model == *:* ]]; then
        fail "$repo has no quantisation $quantisation: choose one of those at huggingface.co/$repo/tree/main."
    fi
    ((expected)) || expected=$other
}

# False, with `why`, where so many bytes more do not fit.
fits_on_disk() {
    local free
    free=$(df -B1 --output=avail "$cache" 2>/dev/null | tail -n 1)
    ((${free:-$1} < $1)) || return 0
    why="The disk has $(gib "$free") left and $model needs $(gib "$1"): launch with a larger volume."
    false
}

# True once all bytes are here.
is_downloaded() {
    local here
    here=$(du -csB1 "$cache"/{hub/,}models--"${repo//\//--}" "$cache/${repo/\//_}"_* 2>/dev/null | tail -n 1)
    here=${here%%[!0-9]*}
    if ((expected == 0)); then
        fits_on_disk 134217728 || stop_container "$why"
        tell '' "$(gib "$here") so far"
        return 1
    fi
    ((here < expected)) || return 0
    fits_on_disk $((expected - here)) || stop_container "$why"
    tell $((here * 100 / expected)) "$(gib "$here") of $(gib "$expected")"
    return 1
}

serve_hub_model() {
    local repo quantisation=Q4_K_M expected=0
    model=${models[0]-}
    repo=${model%%:*}
    [[ $model != *:* ]] || quantisation=${model#*:}
    next_step 'asks Hugging Face'
    if ! container_stands; then
        wait_for_access
        find_expected
        describe_container
        is_downloaded
        start_container
    fi
    until server_answers || is_downloaded; do
        check_container
        rest 1
    done
    finish
    next_step 'loads the model into the GPUs'
    await_server
    finish
}

pull_model() {
    local line id code=1 here whole due=0
    local -A total=() completed=()
    await_server
    if ask_server /api/show -d "{\"model\":\"$model\"}" >/dev/null; then return; fi
    while next_line; do
        if [[ $line == *'"success"'* ]]; then
            code=0
        elif [[ $line =~ \"digest\":\"([^\"]+)\",\"total\":([0-9]+)(,\"completed\":([0-9]+))? ]]; then
            id=${BASH_REMATCH[1]}
            total[$id]=${BASH_REMATCH[2]} completed[$id]=${BASH_REMATCH[4]:-0}
            read_uptime
            ((up >= due)) || continue
            due=$((up + tick))
            printf -v here '+%s' "${completed[@]}"
            printf -v whole '+%s' "${total[@]}"
            fits_on_disk $((whole - (here))) || break
            tell $(((here) * 100 / ((whole) + 1))) "$(gib $((here))) of $(gib $((whole)))"
        else
            printf '%s\n' "$line" >&3
        fi
    done 3>"$said" < <(curl -sSN --noproxy '*' --speed-limit 1 --speed-time 600 -d "{\"model\":\"$model\"}" \
        "http://127.0.0.1:$node_port/api/pull" 2>&1)
    return "$code"
}

# A model that fails leaves the others their turn.
serve_ollama() {
    local failed=''
    for model in "${models[@]}"; do
        next_step "pulls $model"
        start_container
        if try_for "$model" pull_model; then
            finish
        else
            show failed "$why"
            failed=1
        fi
    done
    [[ -z $failed ]] || exit 3
    next_step 'starts the server'
    start_container
    await_server
    finish
}

mkdir -p "$volatile" "${journal%/*}"
exec 9>"$volatile/setup.lock"
if ! flock -n 9; then
    log 'Another set-up is at work.'
    exit 0
fi
# shellcheck source=/dev/null
. "$config/node.conf" || exit 3
read_secrets
add_step driver
if [[ $framework != none ]]; then
    add_step docker
    add_step image
    for model in "${models[@]}"; do add_step model "$model"; done
fi
add_step ready
read_uptime
[[ -s $volatile/booted ]] || echo "$up" >"$volatile/booted"
read -r 'over[0]' <"$volatile/booted"
# A machine that is ready stays so while it is looked at again.
if grep -qs $'^ready\tdone' "$volatile/progress" &&
    cut -f 1,3 "$volatile/progress" | cmp -s - <(paste <(printf '%s\n' "${stages[@]}") <(printf '%s\n' "${names[@]}")); then
    quiet=$up
fi

set_up_driver
if [[ $framework == none ]]; then
    next_step ''
    finish
    exit
fi
set_up_docker
set_up_image
if [[ $framework == ollama ]]; then serve_ollama; else serve_hub_model; fi
# The server may want secrets that came meanwhile.
[[ $(secrets_stamp) == "$stamp" ]] || exec /bin/bash "$0"
