"""What a Portainer server refuses, as our errors; None for what the engine behind it said itself."""

from __future__ import annotations

from aicompute_tui.domain.errors import AicError, AuthFailed, NotAllowed, NotConfigured, NotFound, Unreachable

_OF_AN_ENGINE = ("container", "image", "volume", "network", "exec", "manifest")


_NO_ENGINE = (
    Unreachable,
    "Portainer answers, but the engine of {name} does not, or a security setting of it refused that.",
    "Look at the environment in Portainer: its agent may be down.",
)
_BY_STATUS: dict[int, tuple[type[AicError], str, str]] = {
    401: (
        AuthFailed,
        "{name} does not know our token any more, or never did.",
        "Make a new access token in Portainer (My account) and add the host again with it.",
    ),
    422: (AuthFailed, "{name} does not accept that user and password.", "Check both."),
    303: (NotConfigured, "{name} was never set up.", "Restart Portainer and make its first user."),
    502: _NO_ENGINE,
    503: _NO_ENGINE,
    504: _NO_ENGINE,
}


def portainer_refusal(status: int, said: str, name: str) -> AicError | None:
    """`name` is the host's or the server's, as people call it."""
    words = said.lower()
    is_gone = status == 404 and "environment" in words and not any(word in words for word in _OF_AN_ENGINE)
    if status == 403:
        return _forbidden(words, said, name)
    if is_gone:
        step = "Its number changes when it is added anew: remove the host here and add it again."
        return NotFound(f"{name} is no environment of that Portainer server any more.", step, said)
    known = _BY_STATUS.get(502 if "active tunnel" in words else status)
    return None if known is None else known[0](known[1].format(name=name), known[2], said)


def _forbidden(words: str, said: str, name: str) -> AicError:
    if "same time" in words:
        return NotAllowed(f"{name} was shown two credentials at once.", "A proxy before it may add its own.", said)
    return NotAllowed(
        f"Our token may not do that on {name}.",
        "Ask its administrator for access. After too many bad logins Portainer also bans an address for an hour.",
        said,
    )
