"""What providers of language models ask for tokens, side by side with what own connections use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from aicompute_tui.domain.call import CallFilter
from aicompute_tui.domain.connection import Connection, server_of
from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.modalities import UNTOLD
from aicompute_tui.domain.money import nano_from_usd, usd_from_nano
from aicompute_tui.domain.token_prices import TokenPrices
from aicompute_tui.llms.openrouter import SOURCE, RoutedModel
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.llms.prices import listed_prices, prices_of
from aicompute_tui.services.arguments import flag, integer, price, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.routed_prices import ROUTER, Routed, routed_prices

_LOOKED_BACK = timedelta(days=30)
_MOST = 1_000_000
_MILLION = 1_000_000


class _Priced(NamedTuple):
    """A model and what it costs; of a connection's own model the price may be unknown."""

    kind: str
    model: str
    prices: TokenPrices | None
    connections: tuple[str, ...] = ()
    routed: RoutedModel | None = None
    why_old: str | None = None


class _Used(NamedTuple):
    """Tokens of the last thirty days, all connections together."""

    input_tokens: int
    output_tokens: int


async def list_llm_prices(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `price.llm`: own connections' models first, then by price; only OpenRouter, where named, is asked."""
    now = context.clock.now()
    async with context.store.read() as transaction:
        connections = await transaction.connections.list()
        hours = await transaction.calls.hours(CallFilter(since=now - _LOOKED_BACK))
    used = _Used(sum(hour.input_tokens for hour in hours), sum(hour.output_tokens for hour in hours))
    providers = {each.lower() for each in texts(arguments, "provider")}
    _check_providers(texts(arguments, "provider"))
    routed = await routed_prices(context, connections, asks=ROUTER in providers)
    rows = _ranked(_wanted(_side_by_side(connections, routed), arguments), text(arguments, "by") or "in")
    limit = integer(arguments, "limit", least=1, most=_MOST)
    return [_view(row, used, now) for row in rows[:limit]]


def _side_by_side(connections: Iterable[Connection], routed: Routed) -> list[_Priced]:
    """Every listed model with the connections that use it, and what else connections use."""
    listed = listed_prices()
    users: dict[tuple[str, str], list[str]] = {}
    others: list[_Priced] = []
    for connection in connections:
        if not connection.model or not connection.is_active:
            continue
        prices = prices_of(connection, connection.model)
        named = next((key for key, each in listed.items() if each is prices), None)
        if prices is None and connection.model in routed.models and _is_of(connection, routed):
            named = (ROUTER, connection.model)
        if named is None:
            others.append(_Priced(connection.kind, connection.model, prices, (connection.name,)))
        else:
            users.setdefault(named, []).append(connection.name)
    known = [_Priced(*key, prices, tuple(users.get(key, ()))) for key, prices in listed.items()]
    listed_there = [
        _Priced(ROUTER, name, model.prices, tuple(users.get((ROUTER, name), ())), model, routed.why_old)
        for name, model in routed.models.items()
    ]
    return [*others, *known, *listed_there]


def _is_of(connection: Connection, routed: Routed) -> bool:
    return connection.kind == ROUTER and server_of(connection.base_url) == server_of(routed.address)


def _check_providers(wanted: Sequence[str]) -> None:
    known = sorted({ROUTER, *(kind for kind, _ in listed_prices())})
    for provider in wanted:
        if provider.lower() not in PRESETS:
            raise NotFound(f"There is no price list of “{provider}”.", f"Known are: {', '.join(known)}.")


def _wanted(rows: Iterable[_Priced], arguments: Arguments) -> list[_Priced]:
    providers = {each.lower() for each in texts(arguments, "provider")}
    model, used = (text(arguments, "model") or "").lower(), flag(arguments, "used")
    most_in, most_out = _most(arguments, "most_in"), _most(arguments, "most_out")

    def is_wanted(row: _Priced) -> bool:
        asked = row.prices
        return (
            (not providers or row.kind in providers)
            and model in row.model.lower()
            and (not used or bool(row.connections))
            and (most_in is None or (asked is not None and asked.input_nano_usd <= most_in))
            and (most_out is None or (asked is not None and _is_at_most(asked.output_nano_usd, most_out)))
        )

    return [row for row in rows if is_wanted(row)]


def _is_at_most(nano_usd: int | None, most: int) -> bool:
    return nano_usd is not None and nano_usd <= most


def _most(arguments: Arguments, name: str) -> int | None:
    usd = price(arguments, name)
    return None if usd is None else nano_from_usd(usd)


def _ranked(rows: Iterable[_Priced], by: str) -> list[_Priced]:
    def order(row: _Priced) -> tuple[bool, bool, int, int, str]:
        asked = row.prices
        given, made = (None, None) if asked is None else (asked.input_nano_usd, asked.output_nano_usd)
        first, second = (given, made) if by == "in" else (made, given)
        return (not row.connections, first is None, first or 0, second or 0, row.model)

    return sorted(rows, key=order)


def _view(row: _Priced, used: _Used, now: datetime) -> JsonObject:
    asked, preset = row.prices, PRESETS.get(row.kind)
    told = UNTOLD if asked is None else asked.modalities
    context, source, as_of = (None, None, "") if asked is None else (asked.context_tokens, asked.source, asked.as_of)
    if row.routed is not None:
        told, context, source = row.routed.modalities, row.routed.context_tokens, SOURCE
        as_of = row.routed.as_of.isoformat()
    return {
        "id": f"{row.kind}/{row.model}" if asked is None or asked.as_of else f"{row.connections[0]}/{row.model}",
        "provider": row.kind,
        "provider_title": preset.title if preset is not None else row.kind,
        "model": row.model,
        "input_usd_per_million": None if asked is None else _usd(asked.input_nano_usd),
        "cached_usd_per_million": None if asked is None else _usd(asked.cached_nano_usd),
        "output_usd_per_million": None if asked is None else _usd(asked.output_nano_usd),
        "context_tokens": context,
        "modalities": str(told) or None,
        "input_modalities": None if told.takes is None else [*told.takes],
        "output_modalities": None if told.makes is None else [*told.makes],
        "dearer_above_tokens": None if asked is None else asked.most_input_tokens,
        "connections": [*row.connections],
        "own_30_days_usd": None if asked is None or _asks_per_call(row) else _would_cost(used, asked),
        "source": source,
        "as_of": as_of or None,
        "age_days": _age_days(as_of, now),
        "note": row.why_old,
    }


def _asks_per_call(row: _Priced) -> bool:
    return row.routed is not None and row.routed.asks_per_call


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else float(usd_from_nano(nano_usd))


def _would_cost(used: _Used, prices: TokenPrices) -> float | None:
    """What the tokens of all own connections would cost here, none of them cached; None where none were used."""
    if not used.input_tokens and not used.output_tokens:
        return None
    if used.output_tokens and prices.output_nano_usd is None:
        return None  # nothing like them could be made here
    nano = used.input_tokens * prices.input_nano_usd + used.output_tokens * (prices.output_nano_usd or 0)
    return float(round(Decimal(nano) / _MILLION / 10**9, 4))


def _age_days(as_of: str, now: datetime) -> int | None:
    try:
        return max(0, (now.date() - date.fromisoformat(as_of)).days)
    except ValueError:
        return None
