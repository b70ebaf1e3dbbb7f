"""The verbs on images, volumes and the logins of registries."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter, Scope

_HOST = Parameter("host", "text", "Only on this host.")
_DANGLING = Parameter("dangling", "flag", "Only those that nobody needs: without a name, or without a container.")
_ITEMS = Parameter("items", "text", "Only these, as `unused` names them; may be given again.", repeatable=True)
_REGISTRY = Parameter(
    "registry", "text", "The registry's address: ghcr.io, docker.io, registry.example:5000.", True, required=True
)


def _listing(noun: str, scope: Scope, help_text: str) -> Action:
    return Action(
        f"{noun}.list",
        f"List {noun}s",
        help_text,
        "global",
        "query",
        f"aicompute_tui.services.{noun}s:list_{noun}s",
        (noun, "list"),
        (_HOST, _DANGLING),
        aliases=(scope,),
        result="rows",
    )


def _unused(noun: str, all_help: str) -> Action:
    return Action(
        f"{noun}.unused",
        f"Unused {noun}s",
        f"What pruning {noun}s would remove and free on each host; removes nothing.",
        "global",
        "query",
        f"aicompute_tui.services.pruning:unused_{noun}s",
        (noun, "unused"),
        (_HOST, Parameter("all", "flag", all_help)),
        aliases=(f"{noun}s-unused",),
        result="rows",
    )


def _prune(noun: str, scope: Scope, all_help: str) -> Action:
    return Action(
        f"{noun}.prune",
        f"Prune {noun}s",
        f"Removes {noun}s that no container uses: those that were shown, and nothing made since.",
        scope,
        "job",
        f"aicompute_tui.services.pruning:prune_{noun}s",
        (noun, "prune"),
        (
            _HOST,
            Parameter("all", "flag", all_help),
            Parameter("dry_run", "flag", "Say what would be removed and freed; remove nothing."),
            _ITEMS,
        ),
        keys=("X",),
        aliases=(f"{noun}-prune",),
        mutates=True,
        dangerous=True,
        result="rows",
    )


def _remove(noun: str, scope: Scope, name_help: str) -> Action:
    return Action(
        f"{noun}.remove",
        f"Remove {noun}s",
        f"Removes {noun}s from their host; one that a container uses stays.",
        scope,
        "job",
        f"aicompute_tui.services.{noun}s:remove",
        (noun, "remove"),
        (Parameter("names", "text", name_help, positional=True, required=True, repeatable=True), _HOST),
        keys=("t",),
        aliases=(f"{noun}-remove",),
        mutates=True,
        dangerous=True,
        result="rows",
    )


_ALL_IMAGES = "Also images with a name, as long as no container uses them."
_ALL_VOLUMES = "Also volumes that somebody named, as long as no container uses them."

STORED_ACTIONS = (
    _listing("image", "images", "Images on every host, largest first: size, age, and which containers use each."),
    Action(
        "image.pull",
        "Pull an image",
        "Fetches an image to a host, with the registry's login where one is stored.",
        "images",
        "job",
        "aicompute_tui.services.image_pull:pull",
        ("image", "pull"),
        (
            Parameter("image", "text", "Its name: registry/name:tag.", positional=True, required=True),
            Parameter("host", "text", "The host to fetch it to; the only one when absent."),
        ),
        keys=("p",),
        aliases=("image-pull",),
        mutates=True,
    ),
    _remove("image", "images", "Name with its tag, an id or its beginning."),
    _unused("image", _ALL_IMAGES),
    _prune("image", "images", _ALL_IMAGES),
    _listing("volume", "volumes", "Volumes on every host, largest first: size, age, and which containers use each."),
    _remove("volume", "volumes", "Name, or HOST/NAME."),
    _unused("volume", _ALL_VOLUMES),
    _prune("volume", "volumes", _ALL_VOLUMES),
    Action(
        "registry.list",
        "List registry logins",
        "The registries there is a login for, and whose it is.",
        "global",
        "query",
        "aicompute_tui.services.registry_logins:list_logins",
        ("registry", "list"),
        aliases=("registries",),
        result="rows",
    ),
    Action(
        "registry.login",
        "Log in to a registry",
        "Keeps a user and a password in the vault; they are sent for images of that registry alone.",
        "registries",
        "job",
        "aicompute_tui.services.registry_logins:log_in",
        ("registry", "login"),
        (_REGISTRY, Parameter("user", "text", "The user to log in as.", required=True)),
        keys=("a",),
        aliases=("registry-login",),
        mutates=True,
    ),
    Action(
        "registry.logout",
        "Log out of a registry",
        "Removes a registry's login from the vault.",
        "registries",
        "job",
        "aicompute_tui.services.registry_logins:log_out",
        ("registry", "logout"),
        (_REGISTRY,),
        keys=("t",),
        aliases=("registry-logout",),
        mutates=True,
        dangerous=True,
    ),
)
