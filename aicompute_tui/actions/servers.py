"""The verbs on model servers."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter
from aicompute_tui.domain.server_kind import ServerKind

KINDS = tuple(kind.value for kind in ServerKind)
_STATES = ("offline", "degraded", "unknown", "online", "inactive")
_NAME = Parameter("name", "text", "Name, id or the beginning of the id.", positional=True, required=True)
_MODEL = Parameter("model", "text", "The model, as the server names it.", positional=True, required=True)
_ONE_MODEL = Parameter("model", "text", "The model to ask; one alone needs no choice.")
_ADAPTER = Parameter("adapter", "text", "The adapter's name.", positional=True, required=True)
_OPTIONS = (
    Parameter("timeout", "integer", "Seconds that a check may take; 10 unless told."),
    Parameter("expected_status", "text", "The status that a plain http check wants; none: any of 2xx."),
    Parameter("tls_ca", "path", "File with the certificates to trust instead of the usual ones."),
    Parameter("tag", "text", "A tag; may be given again.", repeatable=True),
)


def _verb(
    verb: str,
    title: str,
    help_text: str,
    handler: str,
    parameters: tuple[Parameter, ...] = (),
    *,
    key: str = "",
    dangerous: bool = False,
) -> Action:
    return Action(
        f"server.{verb}",
        title,
        help_text,
        "servers",
        "job",
        f"aicompute_tui.services.{handler}",
        ("server", verb),
        (_NAME, *parameters),
        keys=(key,) if key else (),
        aliases=(f"server-{verb}",),
        mutates=True,
        dangerous=dangerous,
    )


def _question(
    verb: str,
    title: str,
    help_text: str,
    function: str,
    parameters: tuple[Parameter, ...] = (),
    *,
    key: str = "",
    result: str = "rows",
    streams: bool = False,
) -> Action:
    return Action(
        f"server.{verb}",
        title,
        help_text,
        "servers",
        "query",
        f"aicompute_tui.services.server_calls:{function}",
        ("server", verb),
        (_NAME, *parameters),
        keys=(key,) if key else (),
        aliases=(f"server-{verb}",),
        streams=streams,
        result=result,
    )


SERVER_ACTIONS = (
    Action(
        "server.add",
        "Add a model server",
        "Finds out what answers at an address, says how it knows, and looks after it from then on.",
        "global",
        "job",
        "aicompute_tui.services.servers:add",
        ("server", "add"),
        (
            Parameter("name", "text", "Name to give it, or its address alone.", positional=True, required=True),
            Parameter("url", "text", "Its address, like gpu1:8000.", positional=True),
            Parameter("kind", "choice", "What it is; then it is kept also where it does not answer.", choices=KINDS),
            *_OPTIONS,
        ),
        aliases=("server-add",),
        mutates=True,
    ),
    Action(
        "server.list",
        "List model servers",
        "Every model server as it was seen last; nothing is called.",
        "global",
        "query",
        "aicompute_tui.services.servers:list_servers",
        ("server", "list"),
        (
            Parameter("kind", "choice", "Only this kind.", choices=KINDS),
            Parameter("state", "choice", "Only those that are like this.", choices=_STATES),
            Parameter("tag", "text", "Only those with this tag."),
        ),
        aliases=("servers",),
        result="rows",
    ),
    Action(
        "server.probe",
        "Look what answers",
        "Finds out what answers at an address, without a key; nothing is kept.",
        "global",
        "query",
        "aicompute_tui.services.server_finding:probe",
        ("server", "probe"),
        (Parameter("url", "text", "Its address, like gpu1:8000.", positional=True, required=True),),
        aliases=("server-probe",),
    ),
    Action(
        "server.show",
        "Show a model server",
        "All that is kept of it: how it answers, its models, its figures, and what it can be asked to do.",
        "servers",
        "query",
        "aicompute_tui.services.servers:show",
        ("server", "show"),
        (_NAME,),
        aliases=("server-show",),
    ),
    Action(
        "server.check",
        "Check model servers",
        "Looks at those named, or at all that are in use: whether each answers, how fast, and what it does.",
        "servers",
        "query",
        "aicompute_tui.services.server_calls:check",
        ("server", "check"),
        (Parameter("names", "text", "Names or ids; all when absent.", positional=True, repeatable=True),),
        keys=("r",),
        aliases=("server-check",),
        result="rows",
    ),
    _question(
        "models",
        "Models of a server",
        "Its models as it tells them now: size, quantisation, loaded or not, context, share in GPU memory.",
        "models",
    ),
    _question(
        "metrics",
        "Figures of a server over time",
        "What was seen of it: requests running and waiting, cache, tokens per second, first token, memory.",
        "metrics",
        (Parameter("since", "duration", "How far back: 30m, 24h, 30d; 1h unless told."),),
    ),
    _question(
        "watch",
        "Watch a server",
        "Its figures again and again, until it is interrupted.",
        "watch",
        (
            Parameter("interval", "integer", "Seconds between two looks; 2 unless told."),
            Parameter("count", "integer", "End after so many looks."),
        ),
        streams=True,
    ),
    _verb(
        "edit",
        "Edit a model server",
        "Changes what is named and leaves the rest; a new key replaces the old one.",
        "servers:edit",
        (
            Parameter("rename", "text", "Its new name."),
            Parameter("url", "text", "Its new address."),
            Parameter("kind", "choice", "What it is.", choices=KINDS),
            *_OPTIONS,
            Parameter("no_key", "flag", "Forget its key."),
        ),
        key="e",
    ),
    _verb("activate", "Activate a model server", "Looks after a server again.", "servers:activate"),
    _verb("deactivate", "Deactivate a model server", "Looks after a server no more.", "servers:deactivate"),
    _verb(
        "remove",
        "Remove a model server",
        "Forgets a server, its key and its history; nothing changes on it.",
        "servers:remove",
        key="t",
        dangerous=True,
    ),
    _verb(
        "pull",
        "Fetch a model",
        "Has the server fetch a model, with its progress; cancelled, it keeps what came.",
        "server_verbs:pull",
        (_MODEL,),
        key="p",
    ),
    _verb(
        "create",
        "Create a model",
        "Has Ollama make a model from a Modelfile.",
        "server_verbs:create",
        (
            Parameter("model", "text", "The new model's name.", positional=True, required=True),
            Parameter("modelfile", "path", "The Modelfile.", required=True),
        ),
        key="m",
    ),
    _verb(
        "delete-model",
        "Delete a model",
        "Deletes a model's files from the server.",
        "server_verbs:delete_model",
        (_MODEL,),
        key="x",
        dangerous=True,
    ),
    _verb("load", "Load a model", "Has the server load a model into memory.", "server_verbs:load", (_MODEL,), key="l"),
    _verb(
        "unload",
        "Unload a model",
        "Has the server give a model's memory back; who is being answered loses the answer.",
        "server_verbs:unload",
        (Parameter("model", "text", "The model; ComfyUI gives back all of them.", positional=True),),
        key="u",
        dangerous=True,
    ),
    _verb(
        "sleep",
        "Put a server to sleep",
        "Has the server give its GPU memory back until it is woken; meanwhile it answers nobody.",
        "server_verbs:sleep",
        key="s",
        dangerous=True,
    ),
    _verb("wake", "Wake a server", "Has a sleeping server take its memory again.", "server_verbs:wake", key="w"),
    _verb(
        "lora-load",
        "Load an adapter",
        "Has the server load a LoRA adapter beside its model.",
        "server_verbs:load_lora",
        (_ADAPTER, Parameter("path", "text", "Its folder there, or its name on the hub.", True, required=True)),
        key="plus",
    ),
    _verb(
        "lora-unload",
        "Unload an adapter",
        "Has the server forget a LoRA adapter; requests for it fail from then on.",
        "server_verbs:unload_lora",
        (_ADAPTER,),
        key="minus",
        dangerous=True,
    ),
    _question(
        "embed",
        "Try an embedding",
        "Embeds a text: how many numbers came, how long it took, and how alike a second text is.",
        "embed",
        (
            Parameter("text", "text", "The text.", positional=True, required=True),
            Parameter("other", "text", "A second text, whose likeness to the first is told."),
            _ONE_MODEL,
        ),
        result="object",
        key="b",
    ),
    _question(
        "rerank",
        "Try a ranking",
        "Ranks documents by how well they answer a question, best first.",
        "rerank",
        (
            Parameter("query", "text", "The question.", positional=True, required=True),
            Parameter("documents", "text", "The documents.", positional=True, required=True, repeatable=True),
            _ONE_MODEL,
        ),
        key="o",
    ),
)
