"""What tokens cost: the prices of a model, and what an answer comes to by them."""

from __future__ import annotations

from dataclasses import dataclass

from aicompute_tui.domain.connection import Usage
from aicompute_tui.domain.modalities import UNTOLD, Modalities

_MILLION = 1_000_000
_MOST_NANO_USD = 1 << 53
"""No call costs so much, and no column holds many times as much."""
_BYTES_AROUND = 64
"""More than a chat template adds to what is said, for each message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """Nano-dollars per million tokens. `source` says where they are from, `as_of` of which day they are."""

    input_nano_usd: int
    output_nano_usd: int | None
    """None where nothing is made that could have a price: the model embeds or ranks."""
    cached_nano_usd: int | None = None
    """Of input that came from a cache, None where nobody told."""
    written_nano_usd: int | None = None
    """Of input that was put into a cache, None where nobody told."""
    covers_caches: bool = False
    """Whether the price of input is also that of cached and written input without a price of its own."""
    most_input_tokens: int | None = None
    """A longer prompt is dearer, nobody told by how much; None where length does not matter."""
    context_tokens: int | None = None
    """The most a model takes in; None where nobody told."""
    modalities: Modalities = UNTOLD
    source: str
    as_of: str = ""


def cost_nano_usd(usage: Usage, prices: TokenPrices | None) -> int | None:
    """None where a price or a count is unknown, or beyond belief: a part of it that is known is no cost."""
    given, made = usage.input_tokens, usage.output_tokens
    if prices is None or given is None or made is None:
        return None
    if prices.most_input_tokens is not None and given > prices.most_input_tokens:
        return None
    if made and prices.output_nano_usd is None:
        return None
    total, fresh = made * (prices.output_nano_usd or 0), given
    otherwise = prices.input_nano_usd if prices.covers_caches else None
    for count, own in (
        (usage.cached_tokens or 0, prices.cached_nano_usd),
        (usage.written_tokens or 0, prices.written_nano_usd),
    ):
        price = otherwise if own is None else own
        if count and price is None:
            return None
        total += count * (price or 0)
        fresh -= count
    if fresh < 0:
        return None
    cost = round((total + fresh * prices.input_nano_usd) / _MILLION)
    return cost if cost < _MOST_NANO_USD else None


def most_input_tokens(texts: tuple[str, ...]) -> int:
    """No tokeniser makes more tokens than there are bytes."""
    return sum(len(text.encode("utf-8", "replace")) + _BYTES_AROUND for text in texts)
