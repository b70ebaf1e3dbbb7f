"""The verbs on machines that are reached over ssh: their logs, figures, shell, ports and set-up."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

_NAME = Parameter("name", "text", "Name, id, id prefix or the cloud's own id.", positional=True, required=True)

LOG_SOURCES = ("auto", "setup", "framework", "cloud-init", "node")

NODE_ACTIONS = (
    Action(
        "instance.logs",
        "Logs",
        "Prints a machine's log: of its set-up, its model server, cloud-init, or of what watches over it.",
        "instances",
        "query",
        "aicompute_tui.services.node_log_stream:logs",
        ("instance", "logs"),
        (
            _NAME,
            Parameter(
                "source",
                "choice",
                "Which log; auto is the set-up's until the machine is ready, then the model server's.",
                default="auto",
                choices=LOG_SOURCES,
            ),
            Parameter(
                "tail",
                "integer",
                "How many of the last lines, 0 for none; 200 when absent, all with --since.",
                short="n",
                least=0,
            ),
            Parameter("since", "duration", "Only lines this young: 5m, 1h; for framework and node."),
            Parameter("follow", "flag", "Go on with what comes.", short="f"),
        ),
        keys=("l",),
        aliases=("logs",),
        streams=True,
        result="rows",
    ),
    Action(
        "instance.metrics",
        "GPU figures",
        "Prints what a machine's GPUs do, again and again; with --since what was measured before.",
        "instances",
        "query",
        "aicompute_tui.services.node_metrics:metrics",
        ("instance", "metrics"),
        (
            _NAME,
            Parameter("interval", "integer", "Seconds between two answers.", default="2"),
            Parameter(
                "count", "integer", "How many answers, 0 for until you stop it.", default="0", short="n", least=0
            ),
            Parameter("since", "duration", "Print stored figures this old and younger instead: 1h, 2d."),
        ),
        aliases=("metrics",),
        streams=True,
        result="rows",
    ),
    Action(
        "instance.ssh",
        "Shell",
        "Opens a shell on a machine, or runs one command there and ends with its exit code.",
        "instances",
        "query",
        "aicompute_tui.services.shell:ssh_command",
        ("instance", "ssh"),
        (
            _NAME,
            Parameter(
                "command",
                "text",
                "A command and its words, after --; each reaches the machine as one word.",
                positional=True,
                repeatable=True,
            ),
        ),
        keys=("s",),
        aliases=("shell", "ssh"),
    ),
    Action(
        "instance.forward",
        "Forward a port",
        "Leads a port of this host to a port on the machine; the agent keeps it open until --off.",
        "instances",
        "job",
        "aicompute_tui.services.tunnels:forward",
        ("instance", "forward"),
        (
            _NAME,
            Parameter("port", "integer", "Port on the machine.", positional=True, required=True),
            Parameter("local_port", "integer", "Port of this host; any free one when absent."),
            Parameter("off", "flag", "Close it again."),
        ),
        keys=("f",),
        aliases=("forward",),
        mutates=True,
    ),
    Action(
        "instance.setup",
        "Set-up",
        "How far a machine's set-up is, step by step, and how long each step usually takes.",
        "instances",
        "query",
        "aicompute_tui.services.setup_progress:setup",
        ("instance", "setup"),
        (_NAME,),
        aliases=("setup",),
    ),
    Action(
        "instance.key",
        "Key of the endpoint",
        "The key a machine's server asks of every request, as `Authorization: Bearer KEY`; nothing else shows it.",
        "instances",
        "query",
        "aicompute_tui.services.serving_key:show_key",
        ("instance", "key"),
        (_NAME,),
        aliases=("endpoint-key",),
    ),
    Action(
        "instance.forget-key",
        "Forget the host key",
        "Forgets a machine's host key after it was rebuilt; the next connection trusts the key it meets.",
        "instances",
        "job",
        "aicompute_tui.services.host_key:forget_key",
        ("instance", "forget-key"),
        (_NAME, Parameter("confirm_name", "text", "The machine's name, typed out.", repeatable=True)),
        aliases=("forget-key",),
        mutates=True,
        dangerous=True,
    ),
)
