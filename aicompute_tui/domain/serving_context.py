"""How many tokens of context a model server is told to take, and how each is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aicompute_tui.domain.counts import number
from aicompute_tui.domain.errors import InvalidInput

USUAL_TOKENS = 8192
"""Where nobody says a context; less where the model has less."""
ALL_TOKENS = 0
"""As many as the model was made for."""
ALL = "none"
"""The word for it: no limit of one's own."""
FEWEST_TOKENS, MOST_TOKENS = 256, 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOption:
    """`words` or `variable` tell it; `names` are those of the option, the variable among them."""

    names: tuple[str, ...]
    words: tuple[str, ...] = ()
    """`{tokens}` stands for the context, `{input}` for the longest prompt in it."""
    variable: str = ""
    caps_itself: bool = False
    """Whether it takes a longer context than the model has for what the model has."""
    ends_beyond: bool = False
    """Whether it does not start with one."""


CONTEXT_OPTIONS: Mapping[str, ContextOption] = {
    "vllm": ContextOption(
        names=("--max-model-len", "--max_model_len"), words=("--max-model-len", "{tokens}"), ends_beyond=True
    ),
    "tgi": ContextOption(
        names=("--max-total-tokens",),
        words=("--max-total-tokens", "{tokens}", "--max-input-tokens", "{input}"),
    ),
    "sglang": ContextOption(names=("--context-length",), words=("--context-length", "{tokens}"), ends_beyond=True),
    "llamacpp": ContextOption(names=("-c", "--ctx-size"), words=("-c", "{tokens}")),
    "ollama": ContextOption(names=("OLLAMA_CONTEXT_LENGTH",), variable="OLLAMA_CONTEXT_LENGTH", caps_itself=True),
}


def parse_context(written: str) -> int:
    """`8192`, `32k`; `none` is ALL_TOKENS. Raises InvalidInput."""
    if written.strip().lower() == ALL:
        return ALL_TOKENS
    tokens = number(written.strip(), "context", 1024)
    if not FEWEST_TOKENS <= tokens <= MOST_TOKENS:
        raise InvalidInput(
            f"context must lie between {FEWEST_TOKENS} and {MOST_TOKENS:,} tokens.",
            "Write it like 32k, or none for all that the model has.",
        )
    return tokens


def context_word(tokens: int) -> str:
    """As parse_context reads it."""
    return str(tokens) if tokens else ALL


def told_tokens(framework: str, tokens: int | None) -> int | None:
    """What the server is told; None where it takes all that the model has by itself, or is told nothing."""
    option = CONTEXT_OPTIONS.get(framework)
    if option is None or tokens is None:
        return None
    return tokens or (MOST_TOKENS if option.caps_itself else None)


def context_words(framework: str, tokens: int | None) -> tuple[str, ...]:
    """What the server's command line has for it."""
    told = told_tokens(framework, tokens)
    if told is None:
        return ()
    return tuple(word.format(tokens=told, input=told - 1) for word in CONTEXT_OPTIONS[framework].words)


def context_variables(framework: str, tokens: int | None) -> tuple[tuple[str, str], ...]:
    """What its environment has for it."""
    told = told_tokens(framework, tokens)
    name = "" if told is None else CONTEXT_OPTIONS[framework].variable
    return ((name, str(told)),) if name else ()
