"""The verbs on containers of every host."""

from __future__ import annotations

from aicompute_tui.actions.instances import CONTEXT
from aicompute_tui.actions.model import Action, Parameter

_NAME = Parameter("name", "text", "Name, HOST/NAME, id or its beginning.", positional=True, required=True)
_NAMES = _NAME._replace(name="names", repeatable=True)
_GRACE = Parameter(
    "grace", "integer", "Seconds it may take to end by itself before it is killed.", default="10", least=0
)


DEPLOY_PARAMETERS = (
    Parameter("host", "text", "The host to make it on.", required=True),
    Parameter(
        "framework",
        "choice",
        "Model server to run; or give --image.",
        choices=(
            "ollama",
            "vllm",
            "tgi",
            "llamacpp",
            "tei",
            "tei-reranker",
            "infinity",
            "sglang",
            "comfyui",
            "openwebui",
        ),
    ),
    Parameter("image", "text", "Any image, or another one for the framework."),
    Parameter("model", "text", "Model to serve; may be given again for Ollama.", repeatable=True),
    CONTEXT,
    Parameter("name", "text", "Name of the container; the framework's when absent."),
    Parameter("gpus", "text", "all, a count, none, or ids like 0,3; all when absent and it can use them."),
    Parameter("port", "integer", "Port of the host; the framework's, or the next free one, when absent."),
    Parameter("container_port", "integer", "Port inside; the framework's when absent."),
    Parameter("bind", "text", "Address of the host to listen on; its loopback alone when absent."),
    Parameter("volume", "text", "NAME:/path or /path:/path[:ro]; may be given again.", repeatable=True),
    Parameter("env", "key=value", "Variable for it; may be given again; never a secret.", repeatable=True),
    Parameter("hub_token", "flag", "Hand it your Hugging Face token, also with an image of your own."),
    Parameter("no_hub_token", "flag", "Do not hand it your Hugging Face token."),
    Parameter("shm", "text", "Size of /dev/shm: 1g; the framework's when absent."),
    Parameter("ipc_host", "flag", "Share the host's shared memory, as some servers with several GPUs want."),
    Parameter("restart", "text", "no, always, unless-stopped or on-failure:3.", default="unless-stopped"),
    Parameter("memory", "text", "Most memory it may use: 32g."),
    Parameter("cpus", "decimal", "Most processors it may use: 4, 0.5."),
    Parameter("command", "text", "Further words for it, after --.", positional=True, repeatable=True),
)


def _change(verb: str, key: str, title: str, help_text: str, *more: Parameter, dangerous: bool = False) -> Action:
    """A verb on several containers at once."""
    return Action(
        f"container.{verb}",
        title,
        help_text,
        "containers",
        "job",
        f"aicompute_tui.services.container_verbs:{verb}",
        ("container", verb),
        (_NAMES, *more),
        keys=(key,),
        aliases=(f"container-{verb}",),
        mutates=True,
        dangerous=dangerous,
        result="rows",
    )


CONTAINER_ACTIONS = (
    Action(
        "container.list",
        "List containers",
        "Containers of every host; of a host that does not answer, what was seen last and how long ago.",
        "global",
        "query",
        "aicompute_tui.services.containers:list_containers",
        ("container", "list"),
        (
            Parameter("host", "text", "Only those of this host."),
            Parameter("running", "flag", "Only those that run."),
        ),
        aliases=("containers",),
        result="rows",
    ),
    Action(
        "container.show",
        "Describe a container",
        "One container whole: state, ports, mounts, processes, environment without its secrets.",
        "containers",
        "query",
        "aicompute_tui.services.containers:show",
        ("container", "show"),
        (_NAME,),
        keys=("d",),
        aliases=("container",),
    ),
    Action(
        "container.logs",
        "Container logs",
        "Prints the logs of one or several containers, merged by time; goes on over restarts of them and their engine.",
        "containers",
        "query",
        "aicompute_tui.services.container_logs:logs",
        ("container", "logs"),
        (
            _NAMES,
            Parameter("tail", "integer", "How many of each one's last lines; all when absent.", short="n", least=0),
            Parameter("since", "duration", "Only lines this young: 5m, 1h."),
            Parameter("follow", "flag", "Go on with what comes.", short="f"),
            Parameter("timestamps", "flag", "Begin each line with its moment.", short="t"),
        ),
        keys=("l",),
        aliases=("container-logs",),
        streams=True,
        result="rows",
    ),
    Action(
        "container.stats",
        "Container figures",
        "What containers use, a row a second of each: processor, memory, network and disk, as docker works them out.",
        "containers",
        "query",
        "aicompute_tui.services.container_use:stats",
        ("container", "stats"),
        (
            _NAMES,
            Parameter(
                "count", "integer", "How many rows of each, 0 until you stop it.", default="0", short="n", least=0
            ),
        ),
        aliases=("container-stats",),
        streams=True,
        result="rows",
    ),
    Action(
        "container.exec",
        "Run in a container",
        "Runs a command in a container and ends with its exit code; a shell in a terminal where none is given.",
        "containers",
        "query",
        "aicompute_tui.services.container_use:execute",
        ("container", "exec"),
        (
            _NAME,
            Parameter(
                "command",
                "text",
                "A command and its words, after --.",
                positional=True,
                repeatable=True,
            ),
        ),
        keys=("s",),
        aliases=("container-exec",),
    ),
    Action(
        "container.deploy",
        "Deploy a container",
        "Pulls an image, makes a container and starts it, and waits until it answers.",
        "global",
        "job",
        "aicompute_tui.services.deploy:deploy",
        ("container", "deploy"),
        (
            *DEPLOY_PARAMETERS,
            Parameter(
                "wait", "text", "How long to wait for its answer: 10m; `none` for as long as it takes.", default="10m"
            ),
        ),
        aliases=("deploy",),
        mutates=True,
    ),
    Action(
        "container.plan",
        "Check a deployment",
        "Says what a deployment would be, as a `docker run` line, and what stands in its way; makes nothing.",
        "global",
        "query",
        "aicompute_tui.services.deploy_plan:plan",
        ("container", "plan"),
        DEPLOY_PARAMETERS,
        aliases=("plan",),
    ),
    _change("start", "u", "Start containers", "Starts containers that do not run."),
    _change(
        "stop",
        "x",
        "Stop containers",
        "Asks containers to end, and kills what does not in time.",
        _GRACE,
        dangerous=True,
    ),
    _change("restart", "b", "Restart containers", "Stops containers and starts them again.", _GRACE, dangerous=True),
    _change(
        "kill",
        "K",
        "Kill containers",
        "Sends containers a signal; the usual one ends them at once.",
        Parameter("signal", "text", "Which signal.", default="KILL"),
        dangerous=True,
    ),
    _change("pause", "p", "Pause containers", "Holds every process of containers where it is."),
    _change("unpause", "P", "Unpause containers", "Lets paused containers go on."),
    _change(
        "remove",
        "t",
        "Remove containers",
        "Ends containers and removes them with all they wrote outside of volumes.",
        Parameter("volumes", "flag", "Also the volumes made for it alone."),
        dangerous=True,
    ),
    Action(
        "container.recreate",
        "Make a container anew",
        "Makes a container anew with its image as it is now, and what you change; the old one goes once the new runs.",
        "containers",
        "job",
        "aicompute_tui.services.recreate:recreate",
        ("container", "recreate"),
        (
            _NAME,
            Parameter("image", "text", "Another image, or another tag of it."),
            Parameter("env", "key=value", "A variable set or changed; may be given again.", repeatable=True),
            Parameter("port", "text", "[ADDRESS:]HOST:CONTAINER; may be given again.", repeatable=True),
            Parameter("volume", "text", "NAME:/path or /path:/path[:ro]; may be given again.", repeatable=True),
            Parameter("gpus", "text", "all, a count, none, or ids like 0,3."),
            Parameter("restart", "text", "no, always, unless-stopped or on-failure:3."),
            Parameter("memory", "text", "Most memory it may use: 32g."),
            Parameter("cpus", "decimal", "Most processors it may use: 4, 0.5."),
            Parameter("no_pull", "flag", "Take the image that is on the host."),
            Parameter("wait", "text", "How long the new one may take until it answers.", default="2m"),
            Parameter("finish", "flag", "Go on with a replacement that was left half done."),
            Parameter("put_back", "flag", "Put the old one of such a replacement back."),
            Parameter("command", "text", "Other words for it, after --.", positional=True, repeatable=True),
        ),
        keys=("r",),
        aliases=("recreate",),
        mutates=True,
        dangerous=True,
    ),
    Action(
        "container.rename",
        "Rename a container",
        "Gives a container another name.",
        "containers",
        "job",
        "aicompute_tui.services.container_verbs:rename",
        ("container", "rename"),
        (_NAME, Parameter("new_name", "text", "Its new name.", positional=True, required=True)),
        keys=("R",),
        aliases=("container-rename",),
        mutates=True,
    ),
)
