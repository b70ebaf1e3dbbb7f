"""What a model's tokens cost: the user's own prices, else a dated snapshot of what providers asked, else unknown."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from aicompute_tui.domain.connection import Connection, ConnectionOptions, Usage, server_of
from aicompute_tui.domain.modalities import modalities_of
from aicompute_tui.domain.money import nano_from_usd
from aicompute_tui.domain.token_prices import TokenPrices, cost_nano_usd
from aicompute_tui.llms.addresses import tells_cost
from aicompute_tui.llms.gemini import model_id
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.settings.packaged import DATA

YOURS = "your own prices"
_DATED = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")
"""The day that providers put behind a model's name."""


class Cost(NamedTuple):
    """`source` says by whom it is known."""

    nano_usd: int
    source: str


def prices_of(connection: Connection, *models: str | None) -> TokenPrices | None:
    """Of the first of `models` that has a price, None where none is known.

    The snapshot speaks for a provider's own address alone: what another server asks is its owner's affair.
    """
    own = _own_prices(connection.options)
    if own is not None:
        return own
    preset = PRESETS.get(connection.kind)
    if preset is None or preset.base_url is None or server_of(preset.base_url) != server_of(connection.base_url):
        return None
    known = listed_prices()
    for model in models:
        plain = model_id(preset.dialect, model or "")
        for name in (plain, _DATED.sub("", plain)):
            if (found := known.get((connection.kind, name))) is not None:
                return found
    return None


def cost_of(connection: Connection, usage: Usage, *models: str | None) -> Cost | None:
    """By the user's own prices, else what the provider says it billed, else by the snapshot; None is unknown."""
    own = _own_prices(connection.options)
    by_own = cost_nano_usd(usage, own)
    if by_own is not None:
        return Cost(by_own, YOURS)
    if usage.billed_nano_usd is not None and tells_cost(connection):
        return Cost(usage.billed_nano_usd, f"what {server_of(connection.base_url)[1]} says it billed")
    prices = prices_of(connection, *models)
    listed = cost_nano_usd(usage, prices)
    return None if listed is None or prices is None else Cost(listed, prices.source)


def _own_prices(options: ConnectionOptions) -> TokenPrices | None:
    """None unless both are given. What is asked for all input counts for cached input too, unless that has its own."""
    asked, made = options.input_nano_usd, options.output_nano_usd
    if asked is None or made is None:
        return None
    return TokenPrices(
        input_nano_usd=asked,
        output_nano_usd=made,
        cached_nano_usd=options.cached_nano_usd,
        covers_caches=True,
        source=YOURS,
    )


@cache
def listed_prices() -> dict[tuple[str, str], TokenPrices]:
    """The snapshot, by kind of connection and model."""
    with (DATA / "llm-prices.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["kind"], row["model"]): TokenPrices(
                input_nano_usd=_nano(row["input_usd"]),
                output_nano_usd=_nano(row["output_usd"]) if row["output_usd"] else None,
                cached_nano_usd=_nano(row["cached_usd"]) if row["cached_usd"] else None,
                most_input_tokens=int(row["most_input_tokens"]) if row["most_input_tokens"] else None,
                context_tokens=int(row["context_tokens"]) if row["context_tokens"] else None,
                modalities=modalities_of(row["modalities"]),
                source=row["source"],
                as_of=row["as_of"],
            )
            for row in csv.DictReader(file)
        }


def _nano(usd: str) -> int:
    """Per million tokens, as they are told."""
    return nano_from_usd(Decimal(usd))
