"""Variables and words for a container as they were given: a secret among them is refused with where it belongs."""

from __future__ import annotations

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.redaction import holds_secret, secret_among
from aicompute_tui.services.arguments import texts
from aicompute_tui.services.context import Arguments

VARIABLE_STEP = "Leave it to the vault."
WORD_STEP = (
    "Keep it in a file on that host, and have it read there: --volume /srv/keys:/keys:ro -- --api-key-file /keys/api"
)


def environment(arguments: Arguments) -> tuple[tuple[str, str], ...]:
    """Raises InvalidInput."""
    pairs = []
    for word in texts(arguments, "env"):
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise InvalidInput(f"“{word}” is not NAME=VALUE.", "Write it like --env NAME=VALUE.")
        if holds_secret(name, value):
            raise InvalidInput(f"{name} looks like a secret, which no stored job may hold.", VARIABLE_STEP)
        pairs.append((name, value))
    return tuple(pairs)


def own_words(arguments: Arguments) -> tuple[str, ...]:
    """What stands after `--`. Raises InvalidInput."""
    words = texts(arguments, "command")
    name = secret_among(words)
    if name is not None:
        raise InvalidInput(f"{name} is given a secret, which no stored job or command line may hold.", WORD_STEP)
    return words
