#!/bin/bash
# Sets up the model server of this machine at every boot: driver, Docker, image, model, ready.
# Tells in /run/aic-tui/progress how far it is, a line a step; where all of it stands already, it changes nothing.
# Exit 1 may pass by itself and is tried again, 3 waits for a person.
set -u
umask 022
export LC_ALL=C HOME="${HOME:-/root}" DEBIAN_FRONTEND=noninteractive

config=/etc/aic-tui
volatile=/run/aic-tui
journal=/var/log/aic-tui/setup.log
work=$volatile/setup
container=aic-tui-framework
hub=${HF_ENDPOINT:-https://huggingface.co}
tick=${AIC_TUI_TICK:-100} # hundredths of a second between two looks
printf -v pause '%d.%02d' $((tick / 100)) $((tick % 100))
better_image='launch with an image that has it, such as the AWS Deep Learning Base AMI'

framework=none image='' container_port='' node_port='' gpu_count='' models=()
HF_TOKEN='' API_KEY=''
gpus=0 at=-1 written=0 quiet=''
stages=() names=() states=() percents=() begun=() over=() details=()

hide() {
    hidden=${1//[$'\t\r\n']/ }
    [[ -z $HF_TOKEN ]] || hidden=${hidden//"$HF_TOKEN"/***}
    [[ -z $API_KEY ]] || hidden=${hidden//"$API_KEY"/***}
}

log() {
    hide "$*"
    printf '%s %s\n' "$(date -u +%FT%TZ)" "$hidden" | tee -a "$journal" >&2
}

log_said() {
    local line
    while IFS= read -r line; do log "| $line"; done < <(tail -n "${1:-20}" "$work/said")
}

read_uptime() {
    read -r up _ </proc/uptime
    up=$((10#${up/./}))
}

# Moments are kept by uptime and become the clock's only here, so that a clock that is put right changes no duration.
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
    at=$((at + 1))
    states[at]=running details[at]=$1
    read_uptime
    begun[at]=$up
    log "${stages[at]} ${names[at]}: $1"
    write_progress
}

# What the present step does now: a percent, which never goes back, or nothing, and a sentence.
tell() {
    if [[ -n $1 ]] && (($1 > ${percents[at]:--1})); then percents[at]=$(($1 > 99 ? 99 : $1)); fi
    details[at]=$2
    read_uptime
    ((up - written < tick)) || write_progress
}

end_step() {
    hide "$2"
    states[at]=$1 details[at]=$hidden
    read_uptime
    over[at]=$up
    log "${stages[at]} ${names[at]}: $1. $2"
    write_progress
}

finish() {
    [[ -z ${percents[at]} ]] || percents[at]=100
    end_step 'done' "${1-}"
}

fail() {
    end_step failed "$1"
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

# Sets `line`; keeps the progress fresh while none comes.
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

gib() { printf '%d.%d GiB' $(($1 >> 30)) $((($1 & 1073741823) * 10 >> 30)); }

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

secrets_stamp() { stat -c '%i %Y %s' "$config/secrets.env" 2>/dev/null; }

set_up_driver() {
    local try
    next_step 'waits for the driver to answer'
    if [[ $gpu_count == 0 ]]; then
        finish 'This machine has no GPU.'
        return
    fi
    for ((try = 0; try < 120; try++)); do
        gpus=$(timeout 30 nvidia-smi -L 2>&1 | tee "$work/said" | grep -c '^GPU ')
        ((gpus == 0)) || break
        rest 1
    done
    if ((gpus == 0)); then
        log_said
        fail "No NVIDIA driver answers here: $better_image."
    elif [[ -n $gpu_count && $gpus != "$gpu_count" ]]; then
        finish "Only $gpus of $gpu_count GPUs answer."
    else
        finish
    fi
}

set_up_docker() {
    local try packages=()
    next_step 'waits for Docker to answer'
    command -v docker >/dev/null || packages+=(docker)
    ((gpus == 0)) || command -v nvidia-ctk >/dev/null || packages+=(nvidia-container-toolkit)
    if ((${#packages[@]})); then
        tell '' "installs ${packages[*]}"
        if command -v apt-get >/dev/null; then
            { apt-get -qo DPkg::Lock::Timeout=300 update
                apt-get -qyo DPkg::Lock::Timeout=300 install "${packages[@]/%docker/docker.io}"; }
        else
            dnf -qy install "${packages[@]}"
        fi >"$work/said" 2>&1 || {
            log_said
            fail "${packages[*]} cannot be installed here: $better_image."
        }
        ((gpus == 0)) || nvidia-ctk runtime configure --runtime=docker >/dev/null 2>&1
        systemctl enable docker 2>/dev/null
        systemctl restart docker
    fi
    for ((try = 0; try < 60; try++)); do
        if timeout 30 docker info >"$work/said" 2>&1; then
            finish
            return
        fi
        ((try % 20)) || systemctl start docker
        rest 1
    done
    log_said
    fail 'Docker does not start: read its journal on the machine (journalctl -u docker), or launch another one.' 1
}

# One attempt; what Docker said is in $work/said.
pull_image() {
    local line id code=1 sum under_way=''
    local -A layers=()
    : >"$work/said"
    while next_line; do
        if [[ $line =~ ^'exit '([0-9]+)$ ]]; then
            code=${BASH_REMATCH[1]}
        elif [[ $line =~ ^([0-9a-f]{6,64}):' '(.*)$ ]]; then
            id=${BASH_REMATCH[1]}
            case ${BASH_REMATCH[2]} in
            'Pull complete') layers[$id]=2 under_way=1 ;;
            'Already exists') layers[$id]=2 ;;
            'Download complete') layers[$id]=1 under_way=1 ;;
            *) layers[$id]=${layers[$id]:-0} ;;
            esac
            printf -v sum '+%s' "${layers[@]}"
            [[ -z $under_way ]] || tell $(((sum) * 50 / ${#layers[@]})) "${#layers[@]} layers of $image"
        else
            printf '%s\n' "$line" >>"$work/said"
        fi
    done < <(
        timeout 3h docker pull "$image" 2>&1
        printf '\nexit %s\n' "$?"
    )
    return "$code"
}

set_up_image() {
    local try said
    next_step "pulls $image"
    if docker image inspect "$image" >/dev/null 2>&1; then
        finish
        return
    fi
    for try in 5 10 20 40 80 0; do
        if pull_image; then
            finish
            return
        fi
        log_said
        said=$(<"$work/said")
        case ${said,,} in
        *'no space left'*) fail "The disk is too small for $image: launch with a larger volume." ;;
        *toomanyrequests* | *'rate limit'*) said="The registry's pull limit for this address is used up" ;;
        *'manifest unknown'* | *'not found'* | *'does not exist'* | *'invalid reference'*)
            fail "There is no image $image: check its name and tag."
            ;;
        *unauthorized* | *denied* | *'authentication required'*) fail "The registry gives $image only after a login: choose a public image." ;;
        *) said="The registry does not give $image" ;;
        esac
        ((try == 0)) || tell '' "$said: tries again in $try s"
        rest "$try"
    done
    fail "$said: set-up tries again later, or launch another machine." 1
}

# Sets `options` and `arguments` of `docker run` and their digest, which the container carries as a label.
describe_container() {
    local store=/var/lib/aic-tui key=''
    mountpoint -q /opt/dlami/nvme && store=/opt/dlami/nvme
    cache=$store/models/$framework
    mkdir -p "$cache"
    options=(-d --name "$container" --restart unless-stopped -p "127.0.0.1:$node_port:$container_port"
        --log-opt max-size=20m --log-opt max-file=3)
    ((gpus == 0)) || options+=(--gpus all)
    case $framework in
    ollama)
        options+=(-v "$cache:/root/.ollama" -e "OLLAMA_HOST=0.0.0.0:$container_port")
        arguments=()
        ;;
    vllm)
        key=VLLM_API_KEY
        options+=(--ipc host -v "$cache:/root/.cache/huggingface" -e VLLM_NO_USAGE_STATS=1)
        arguments=(--model "$model" --port "$container_port" --tensor-parallel-size "$gpus" --gpu-memory-utilization 0.90)
        ;;
    tgi)
        key=API_KEY
        options+=(--shm-size 1g -v "$cache:/data")
        arguments=(--model-id "$model" --port "$container_port" --num-shard "$gpus" --usage-stats off)
        ;;
    llamacpp)
        key=LLAMA_API_KEY
        options+=(-v "$cache:/models" -e LLAMA_CACHE=/models -e HF_HOME=/models)
        arguments=(-hf "$model" --alias "$model" -ngl 99 --metrics --host 0.0.0.0 --port "$container_port")
        ;;
    esac
    digest=$(printf '%s\0' "${options[@]}" "$image" "${arguments[@]}" "$API_KEY" | sha256sum)
    digest=${digest:0:16}
    options+=(--label "aic-tui.config=$digest")
    # Handed over by name: the values are in the environment of `docker run` only.
    [[ -z $HF_TOKEN || $framework == ollama ]] || options+=(-e HF_TOKEN)
    [[ -z $API_KEY || -z $key ]] || options+=(-e "$key")
    key_name=${key:-API_KEY}
}

read_container() {
    state='' restarts=0 killed='' label=''
    read -r state restarts killed label < <(docker inspect -f \
        '{{.State.Status}} {{.RestartCount}} {{.State.OOMKilled}} {{index .Config.Labels "aic-tui.config"}}' "$container" 2>/dev/null)
}

# True where the container runs as it should: it is left alone.
container_stands() {
    describe_container
    read_container
    known_restarts=$restarts
    [[ $state == running && $label == "$digest" ]]
}

start_container() {
    container_stands && return
    docker rm -f "$container" >/dev/null 2>&1
    log "starts $container: ${arguments[*]}"
    (
        [[ -z $HF_TOKEN ]] || export HF_TOKEN
        [[ -z $API_KEY ]] || export "$key_name=$API_KEY"
        exec docker run "${options[@]}" "$image" "${arguments[@]}"
    ) >"$work/said" 2>&1 || fail_of_container 'The container cannot be started'
    known_restarts=0
}

# Says why, in words a person can act on, as far as the server's own words tell it.
fail_of_container() {
    local why
    log_said 40
    docker stop -t 5 "$container" >/dev/null 2>&1
    why=$(cause)
    fail "${why:-$1: the last lines of its log are in the log of the set-up.}"
}

said() { grep -qiE "$1" "$work/said"; }

cause() {
    if said 'no space left on device'; then
        echo "The disk is full: launch with a larger volume."
    elif said 'out of memory|OutOfMemory|no available memory for the cache|larger than the (available|maximum).*KV cache|failed to allocate.*buffer|not enough memory|less than desired GPU memory'; then
        echo "$model does not fit into the memory of the GPUs: take a smaller model or quantisation, or a machine with more GPU memory."
    elif [[ $killed == true ]]; then
        echo "The server took more main memory than this machine has: launch a larger one."
    elif said 'select device driver|nvidia-container|driver version is insufficient|no CUDA-capable'; then
        echo "The image and this machine's NVIDIA driver do not go together: launch with a newer machine image, or choose an older tag."
    elif said 'already allocated|address already in use'; then
        echo "Port $node_port of the machine is taken by another program: stop that one."
    elif said 'GatedRepo|401 client error|403 client error|access to model.*restricted'; then
        echo "Hugging Face refuses $model: give a token that may read it, and accept the model's licence."
    elif said 'must be divisible'; then
        echo "$model cannot be split over $gpus GPUs: choose a machine with 1, 2, 4 or 8."
    elif said 'architecture.*(not supported|not recogni[sz]e)|not recogni[sz]e this architecture|unknown model architecture'; then
        echo "This version of the server does not know this kind of model: choose another image tag or model."
    fi
}

# Fails the present step once the container is seen to have died of something.
check_container() {
    read_container
    if [[ -z $state ]]; then
        ((++unseen < 30)) || fail 'The container is gone, or Docker does not answer: set-up tries again later.' 1
        return
    fi
    unseen=0
    [[ $state == running && $restarts == "$known_restarts" ]] && return
    docker logs --tail 300 "$container" >"$work/said" 2>&1
    if [[ $state == exited || $state == dead || -n $(cause) ]] || ((restarts - known_restarts >= 3)); then
        fail_of_container 'The server stops again and again'
    fi
}

# A GET at the server; what it answers goes to stdout.
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

# The status of an answer of the hub; its headers and body are in $work.
ask_hub() {
    : >"$work/headers"
    { [[ -z $HF_TOKEN ]] || printf 'Authorization: Bearer %s\n' "$HF_TOKEN"; } |
        curl -sSL --max-time 30 -H @- -D "$work/headers" -o "$work/body" -w '%{http_code}' "$hub/api/models/$1" 2>/dev/null
}

# Waits in the state until the secrets change, or a minute is over: a licence may have been accepted meanwhile.
linger() {
    local left
    if [[ ${details[at]} != "$2" || ${states[at]} != "$1" ]]; then
        details[at]=$2 states[at]=$1 over[at]=''
        [[ $1 == running ]] || over[at]=$up
        log "${stages[at]} ${names[at]}: $2"
        write_progress
    fi
    for ((left = 60; left > 0; left--)); do
        [[ $(secrets_stamp) == "$stamp" ]] || return
        rest 1
    done
}

wait_for_access() {
    local code why tries=0
    while :; do
        read_secrets
        code=$(ask_hub "$repo/auth-check")
        why=$(tr -d '\r' <"$work/headers" | sed -nE 's/^x-error-(code|message): *//Ip' | tr '\n' ' ')
        case $code:$why in
        2*) break ;;
        *:*GatedRepo*)
            if [[ -z $HF_TOKEN ]]; then
                linger running 'waits for a Hugging Face token'
            else
                linger failed "The Hugging Face token may not read $repo: accept its licence at huggingface.co/$repo with the token's account, or give another token."
            fi
            ;;
        401:*'Invalid credentials'*) linger failed 'Hugging Face does not know the token: give a valid one.' ;;
        40[134]:*) linger failed "$repo is not on Hugging Face, or private: check its name, or give a token that may read it." ;;
        *)
            ((++tries < 6)) || break
            tell '' "Hugging Face does not answer ($code): tries again"
            rest 10
            ;;
        esac
    done
    states[at]=running over[at]=''
}

# Sets `expected` to the bytes the server will fetch, 0 where that cannot be known.
find_expected() {
    local answer
    expected=0
    [[ $(ask_hub "$repo/tree/main?recursive=true") == 200 ]] && ! grep -qi 'rel="next"' "$work/headers" || return
    answer=$(python3 -I -c "$choose_files" "$framework" "$quantisation" <"$work/body" 2>/dev/null)
    case $answer in
    none*) fail "$repo has no quantisation $quantisation: choose one of ${answer#none }." ;;
    *[!0-9]* | '') ;;
    *) expected=$answer ;;
    esac
}

choose_files='
import json, re, sys
framework, quantisation = sys.argv[1:]
size = {f["path"]: f["size"] for f in json.load(sys.stdin) if f["type"] == "file"}
if framework == "llamacpp":
    every = sorted(p for p in size if p.endswith(".gguf") and "mmproj" not in p.lower())
    wanted = r"(?i)(?<![A-Z0-9])" + re.escape(quantisation or "Q4_K_M") + r"(?![A-Z0-9_])"
    found = [p for p in every if re.search(wanted, p.split("/")[-1])]
    if quantisation and not found:
        kinds = re.findall(r"(?i)(?<![A-Z0-9])(?:I?Q[0-9]\w*|B?F16|F32|MXFP4\w*)", " ".join(every).replace(".gguf", " "))
        sys.exit(print("none", ", ".join(sorted(set(kinds))) or "another repository") or 0)
    bare = lambda p: re.sub(r"-\d{5}-of-\d{5}", "", p)
    found = [p for p in every if bare(p) == bare((found or every)[0])]
else:
    every = [p for p in size if not p.startswith("original/") and re.search(r"\.(safetensors|bin)$", p)]
    safe = [p for p in every if p.endswith(".safetensors")]
    found = [p for p in safe if "consolidated" not in p] or safe or every
print(sum(size[p] for p in found))
'

bytes_here() {
    local name=${repo//\//--} sum
    sum=$(du -csB1 "$cache"/{hub/,}models--"$name" "$cache/${repo/\//_}"_* 2>/dev/null | tail -n 1)
    here=${sum%%[!0-9]*}
}

check_disk() {
    local free
    free=$(df -B1 --output=avail "$cache" 2>/dev/null | tail -n 1)
    [[ $free =~ ^' '*[0-9]+$ ]] || return 0
    if ((free < $1)); then
        docker stop -t 5 "$container" >/dev/null 2>&1
        fail "The disk has $(gib "$free") left and $model needs $(gib "$1") more: launch with a larger volume."
    fi
}

follow_download() {
    until server_answers; do
        bytes_here
        if ((expected > 0)); then
            ((here < expected)) || break
            check_disk $((expected - here))
            tell $((here * 100 / expected)) "$(gib "$here") of $(gib "$expected")"
        else
            check_disk 134217728
            tell '' "$(gib "$here") so far"
        fi
        check_container
        rest 1
    done
}

serve_hub_model() {
    local model=${models[0]-} repo quantisation='' expected=0 here=0
    repo=${model%%:*}
    [[ $framework != llamacpp || $model != *:* ]] || quantisation=${model#*:}
    next_step 'asks Hugging Face'
    if ! container_stands; then
        wait_for_access
        describe_container
        find_expected
        bytes_here
        ((expected <= here)) || check_disk $((expected - here))
        start_container
    elif ! server_answers; then
        find_expected
    fi
    follow_download
    finish
    next_step 'loads the model into the GPUs'
    until server_answers; do
        check_container
        rest 1
    done
    finish
}

# One attempt; sets `error` where the server says one.
pull_model() {
    local line id code sum_done sum_total
    local -A total=() completed=()
    error='' code=1
    while next_line; do
        if [[ $line =~ \"error\":\"(.*)\" ]]; then
            error=${BASH_REMATCH[1]}
        elif [[ $line == *'"success"'* ]]; then
            code=0
        elif [[ $line =~ \"digest\":\"([^\"]+)\" ]]; then
            id=${BASH_REMATCH[1]}
            [[ ! $line =~ \"total\":([0-9]+) ]] || total[$id]=${BASH_REMATCH[1]}
            completed[$id]=0
            [[ ! $line =~ \"completed\":([0-9]+) ]] || completed[$id]=${BASH_REMATCH[1]}
            read_uptime
            if ((up - written >= tick)) && ((${#total[@]})); then
                printf -v sum_done '+%s' "${completed[@]}"
                printf -v sum_total '+%s' "${total[@]}"
                check_disk $((sum_total - (sum_done)))
                tell $(((sum_done) * 100 / (sum_total > 0 ? sum_total : 1))) "$(gib $((sum_done))) of $(gib $((sum_total)))"
            fi
        fi
    done < <(curl -sSN --noproxy '*' --speed-limit 1 --speed-time 600 -d "{\"model\":\"$model\"}" \
        "http://127.0.0.1:$node_port/api/pull" 2>&1)
    return "$code"
}

set_up_ollama_model() {
    local try error=''
    for try in 5 10 20 40 80 0; do
        if ask_server /api/show -d "{\"model\":\"$model\"}" >/dev/null || pull_model; then
            finish
            return
        fi
        log "$model: ${error:-the connection broke}"
        case ${error,,} in
        *'no space left'*) fail "The disk is full: launch with a larger volume." ;;
        *'newer version'*) error="$model needs a newer Ollama: choose a newer image tag." && break ;;
        *'does not exist'* | *'not found'* | *invalid*) error="Ollama knows no model $model: check its name and tag." && break ;;
        *unauthorized* | *denied* | *401* | *403*) error="$model cannot be read without a login: choose a public model." && break ;;
        *) error="$model cannot be pulled: ${error:-the connection broke}" ;;
        esac
        tell '' "$error: tries again in $try s"
        check_container
        rest "$try"
    done
    end_step failed "$error"
    failed=1
}

start_ollama() {
    start_container
    until server_answers; do
        check_container
        rest 1
    done
}

# A model that fails leaves the others their turn.
serve_ollama() {
    local model='' failed=0
    for model in "${models[@]}"; do
        next_step "pulls $model"
        start_ollama
        set_up_ollama_model
    done
    ((failed == 0)) || exit 3
    next_step 'waits for the server to answer'
    start_ollama
    finish
}

begin() {
    local model booted
    mkdir -p "$work" "${journal%/*}"
    exec 9>"$volatile/setup.lock"
    if ! flock -n 9; then
        log 'Another set-up is at work; this one ends.'
        exit 0
    fi
    # shellcheck source=/dev/null
    . "$config/node.conf" || exit 3
    read_secrets
    add_step boot
    add_step driver
    if [[ $framework != none ]]; then
        add_step docker
        add_step image
        for model in "${models[@]}"; do add_step model "$model"; done
    fi
    add_step ready
    read_uptime
    # A set-up that stands is not unsaid while it is looked at again.
    if grep -qs $'^ready\tdone' "$volatile/progress" &&
        [[ $(cut -f 1,3 "$volatile/progress") == "$(paste <(printf '%s\n' "${stages[@]}") <(printf '%s\n' "${names[@]}"))" ]]; then
        quiet=$up
    fi
    [[ -s $volatile/booted ]] || echo "$up" >"$volatile/booted"
    read -r booted <"$volatile/booted"
    at=0 states[0]='done' begun[0]=0 over[0]=$booted
}

begin
set_up_driver
if [[ $framework == none ]]; then
    next_step ''
    finish
    exit 0
fi
unseen=0
set_up_docker
set_up_image
if [[ $framework == ollama ]]; then serve_ollama; else serve_hub_model; fi
# Secrets that came meanwhile: the server may want them.
[[ $(secrets_stamp) == "$stamp" ]] || exec /bin/bash "$0"
