"""The script a machine runs at its first start, put together from the packaged node files."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.serving_context import told_tokens
from aicompute_tui.services.public_key import is_public_key
from aicompute_tui.settings.packaged import DATA

LIMIT_BYTES = 16_384
"""What EC2 takes, before encoding."""

_NODE = DATA / "node"
_LAUNCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_MODEL = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EMBEDDED = {
    "@DEADMAN@": "deadman.sh",
    "@DEADMAN_SERVICE@": "aic-tui-deadman.service",
    "@DEADMAN_TIMER@": "aic-tui-deadman.timer",
    "@WATCH@": "watch.sh",
    "@WATCH_SERVICE@": "aic-tui-watch.service",
}
_EMBEDDED_SETUP = {"@SETUP@": "setup.sh", "@SETUP_SERVICE@": "aic-tui-setup.service"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOrder:
    """What a machine is to be set up for, who may log in to it, and when idleness ends it (None: never)."""

    framework: str = "none"
    models: Sequence[str] = ()
    context: int | None = None
    """Tokens, 0 for all that the model has; None where the framework is told nothing."""
    idle_seconds: int | None = None
    gpu_count: int | None = None
    """None where it is not known."""
    login: str = "ubuntu"
    public_keys: Sequence[str] = ()


def render_user_data(
    *,
    expires_at: datetime | None,
    max_expires_at: datetime | None,
    launch_id: str,
    node: NodeOrder | None = None,
) -> str:
    """The same order always gives the same text: a launch sent twice with one token must not differ.

    `None` for an end means that there is none; for the cap, that an extension may go anywhere.
    """
    node = node or NodeOrder()
    if not _LAUNCH_ID.fullmatch(launch_id):
        raise InvalidInput("The launch id may hold letters, digits and hyphens only.")
    if not _LOGIN.fullmatch(node.login):
        raise InvalidInput(f"“{node.login}” cannot be a login.", "Choose another image.")
    if not all(is_public_key(key) for key in node.public_keys):
        raise InvalidInput("One of the public keys is none.", "Give the .pub file with --ssh-key.")
    has_setup = node.framework in FRAMEWORKS
    values = {
        "@LAUNCH@": launch_id,
        "@END@": _epoch(expires_at),
        "@MAX_END@": _epoch(max_expires_at),
        "@LOGIN@": node.login,
        "@KEYS@": "\n".join(node.public_keys),
        "@NODE_CONF@": node_conf(node),
        "@HAS_SETUP@": "yes" if has_setup else "no",
        **{mark: _script(name) for mark, name in _EMBEDDED.items()},
        **{mark: _script(name) if has_setup else "" for mark, name in _EMBEDDED_SETUP.items()},
    }
    template = (_NODE / "user-data.sh").read_text(encoding="utf-8")
    return re.sub("|".join(values), lambda found: values[found[0]], template)


def pack_user_data(text: str) -> bytes:
    """As it is sent: the machine's cloud-init unpacks what is gzip-compressed before it looks at it.

    The same text gives the same bytes. Raises InvalidInput for more than a cloud takes.
    """
    packed = gzip.compress(text.encode(), 9, mtime=0)
    if len(packed) > LIMIT_BYTES:
        raise InvalidInput(
            f"The start script has {len(packed)} bytes, more than the {LIMIT_BYTES} the cloud takes.",
            "Name fewer models, or give a shorter key with --ssh-key.",
        )
    return packed


def check_model(name: str) -> None:
    """Raises InvalidInput for what no hub has as a name, and what a shell could read as anything else."""
    if not _MODEL.fullmatch(name):
        raise InvalidInput(
            f"“{name}” cannot be a model's name.", "Write it as its hub does: owner/name, name:tag or owner/name:file."
        )


def node_conf(node: NodeOrder) -> str:
    """`/etc/aic-tui/node.conf`: lines that a shell reads."""
    for model in node.models:
        check_model(model)
    if not _WORD.fullmatch(node.framework):
        raise InvalidInput(f"“{node.framework}” cannot be a framework's name.", "See `aic-tui instance launch --help`.")
    framework = FRAMEWORKS.get(node.framework)
    tokens = told_tokens(node.framework, node.context)
    values = {
        "framework": node.framework,
        "image": framework.image if framework else "",
        "container_port": str(framework.container_port) if framework else "",
        "node_port": str(framework.node_port) if framework else "",
        "context": "" if tokens is None else str(tokens),
        "idle_seconds": "none" if node.idle_seconds is None else str(node.idle_seconds),
        "gpu_count": "" if node.gpu_count is None else str(node.gpu_count),
    }
    models = " ".join(f"'{model}'" for model in node.models)
    return "\n".join([*(f"{key}='{value}'" for key, value in values.items()), f"models=({models})"])


def _script(name: str) -> str:
    """A node file without its comments, which take room and do nothing there; the first line of a script stays."""
    text = (_NODE / name).read_text(encoding="utf-8").rstrip("\n")
    first, _, rest = text.partition("\n")
    return "\n".join([first, *(line for line in rest.splitlines() if not line.lstrip().startswith("#"))])


def _epoch(moment: datetime | None) -> str:
    if moment is None:
        return "none"
    if moment.tzinfo is None:
        raise InvalidInput("The end of a machine needs a time zone.")
    return str(int(moment.timestamp()))
