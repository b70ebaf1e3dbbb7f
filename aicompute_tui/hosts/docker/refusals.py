"""What engines say when they refuse, as our errors: known words first, else the status; newer engines are covered."""

from __future__ import annotations

import re
from typing import NamedTuple

from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    NotFound,
    OutOfCapacity,
    Refused,
    Unreachable,
)

_LONGEST_QUOTE = 200


class _Known(NamedTuple):
    """`{host}` is the host's name, `{it}` what the call was about, `{found}` the pattern's group."""

    pattern: str
    kind: type[AicError]
    message: str
    next_step: str


_KNOWN = (
    _Known(
        "could not select device driver",
        NotConfigured,
        "The engine of {host} cannot give GPUs to containers: it has no NVIDIA container toolkit.",
        "Install nvidia-container-toolkit there, run `nvidia-ctk runtime configure`, and restart the engine.",
    ),
    _Known(
        r"unknown (?:or invalid )?runtime (?:name:|specified) (?P<found>[^\s.]+)",
        NotConfigured,
        "The engine of {host} has no runtime “{found}”.",
        "Leave the runtime out, or register it there: `nvidia-ctk runtime configure`, then restart the engine.",
    ),
    _Known(
        "driver not loaded|driver/library version mismatch|nvml error",
        NotConfigured,
        "The NVIDIA driver of {host} does not work, so no container gets a GPU.",
        "Run `nvidia-smi` there; install the driver or reboot.",
    ),
    _Known(
        r'(?:adding custom device "|unknown device"? ?|unresolvable CDI devices )(?P<found>[^\s"]+)',
        NotFound,
        "{host} has no device {found}.",
        "`aic-tui host test {host}` shows its GPUs.",
    ),
    _Known(
        r"(?:Bind for \S*?|listen tcp\S* \S*?):(?P<found>\d+)(?: failed: port is already|: bind: address already)",
        Conflict,
        "Port {found} of {host} is taken.",
        "`aic-tui container list` shows which container has it, else another program has. Choose another port.",
    ),
    _Known(
        'name "/?(?P<found>[^"]+)" is already in use',
        Conflict,
        "The name {found} is taken on {host}.",
        "Choose another, or remove that container.",
    ),
    _Known(
        r"No such (?:container|exec instance): (?P<found>\S+)",
        NotFound,
        "There is no container {found} on {host}.",
        "`aic-tui container list` shows them all.",
    ),
    _Known(
        r"No such image: (?P<found>\S+)",
        NotFound,
        "The image {found} is not on {host}.",
        "Check its name and tag; it must be pulled there first.",
    ),
    _Known(
        r"manifest for (?P<found>\S+) not found|manifest unknown",
        NotFound,
        "The registry has no image {found}.",
        "Check its name and tag.",
    ),
    _Known(
        "pull access denied|unauthorized|authentication required|denied: requested access|no basic auth credentials"
        "|incorrect username or password|40[13] (?:Unauthorized|Forbidden)|registry: denied",
        AuthFailed,
        "The registry does not give {it} to everyone, or does not have it.",
        "Check its name; a private one needs a login.",
    ),
    _Known(
        "proxyconnect|dial tcp|no such host|i/o timeout|TLS handshake timeout|context deadline exceeded",
        Unreachable,
        "{host} cannot reach the registry.",
        "Check that host's network and proxy, then try again.",
    ),
    _Known(
        "no space left on device",
        OutOfCapacity,
        "The disk of {host} is full.",
        "Remove images and containers that nobody needs.",
    ),
    _Known(
        r"is being used by (?:running |stopped )?container (?P<found>\w+)",
        Refused,
        "The image {it} on {host} is used by the container {found}.",
        "Remove that container first.",
    ),
    _Known(
        r"container (?P<found>\w+) is using its referenced image",
        Refused,
        "The image {it} on {host} is used by the container {found}.",
        "Remove that container first.",
    ),
    _Known(
        "image has dependent child images",
        Refused,
        "Other images on {host} are built on {it}.",
        "Remove those first.",
    ),
    _Known(
        "volume is in use",
        Refused,
        "The volume {it} on {host} is in use.",
        "`aic-tui volume list` shows by which containers; remove those first.",
    ),
    _Known("no such volume", NotFound, "There is no volume {it} on {host}.", "`aic-tui volume list` shows them all."),
    _Known(r"container \S+ is not running", Refused, "{it} on {host} does not run.", "Start it first."),
    _Known(
        "cannot remove a running container|container is running: stop",
        Refused,
        "{it} on {host} still runs.",
        "Stop it first, or force it.",
    ),
    _Known("is already paused", Refused, "{it} on {host} is paused already.", "There is nothing to do."),
    _Known("is not paused", Refused, "{it} on {host} is not paused.", "There is nothing to do."),
    _Known("is paused|unpause the container", Refused, "{it} on {host} is paused.", "Unpause it first."),
    _Known(
        r'exec: "(?P<found>[^"]+)": (?:executable file not found|stat|permission denied)',
        InvalidInput,
        "There is no command {found} in {it}.",
        "Name one that its image has.",
    ),
    _Known(
        "invalid reference format",
        InvalidInput,
        "“{it}” is not an image's name.",
        "Write it like registry/name:tag, in small letters.",
    ),
    _Known(
        r"Invalid container name|only \[a-zA-Z0-9\]",
        InvalidInput,
        "“{it}” cannot be a container's name.",
        "Use two or more letters, digits, dots, dashes and underscores.",
    ),
    _Known(
        r"client version \S+ is too (?:new|old)",
        NotConfigured,
        "The engine of {host} and this program do not understand each other: one of them is too old.",
        "Upgrade the engine, or aic-tui.",
    ),
    _Known(
        "Client sent an HTTP request to an HTTPS server",
        NotConfigured,
        "{host} speaks TLS at this port.",
        "Give its address with https://, and --tls-ca, --tls-cert and --tls-key.",
    ),
    _Known(
        "invalid signal",
        InvalidInput,
        "There is no such signal.",
        "Give one like TERM, KILL or HUP.",
    ),
)
_BY_STATUS = {
    400: (InvalidInput, "{host} does not take that: {said}", "Change what was given."),
    401: (AuthFailed, "{host} wants to know who asks.", "Give it a token."),
    403: (NotAllowed, "{host} does not allow that.", "Ask whoever looks after it."),
    404: (NotFound, "There is no {it} on {host}.", "`aic-tui container list` shows what there is."),
    409: (Conflict, "{host} cannot do that to {it} now: {said}", "Look at its state, then try again."),
}


def refusal(status: int, said: str, host: str, subject: str = "") -> AicError:
    """`host` is the host's name, `subject` the container, image … the call was about."""
    words = {"host": host, "it": subject or "it", "said": _quoted(said), "found": subject}
    for known in _KNOWN:
        found = re.search(known.pattern, said, re.IGNORECASE)
        if found:
            group = found.groupdict().get("found")
            words["found"] = group.rstrip(".") if group else subject
            return known.kind(known.message.format(**words), known.next_step.format(**words), said)
    kind, message, step = _BY_STATUS.get(
        status, (BadAnswer, "{host} could not do that: {said}", "Look at it with `aic-tui host test {host}`.")
    )
    return kind(message.format(**words), step.format(**words), said)


def _quoted(said: str) -> str:
    line = " ".join(said.split()) or "no reason was given"
    line = line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 1]}…"
    return line if line.endswith((".", "…", "!", "?")) else f"{line}."
