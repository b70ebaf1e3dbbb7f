"""Connections in the stable shapes that programs see; of a key no more than its ends."""

from __future__ import annotations

from aicompute_tui.domain.connection import Connection, Ending, ServedModel, shown_options
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.domain.token_prices import TokenPrices
from aicompute_tui.services.views import moment_or_none

_LEAST_TO_SHOW = 16


def connection_view(connection: Connection, status: str | None = None) -> JsonObject:
    """`state` is what a person chose; `status`, where it is told, what comes of it and of the last check."""
    options = connection.options
    return {
        "id": connection.id,
        "name": connection.name,
        "kind": connection.kind,
        "state": "active" if connection.is_active else "inactive",
        **({} if status is None else {"status": status}),
        "inactive_reason": connection.inactive_reason,
        "base_url": connection.base_url,
        "model": connection.model,
        "description": connection.description or None,
        "source": connection.source,
        "has_key": connection.secret_id is not None,
        "flags": [*connection.flags],
        "tags": [*connection.tags],
        **shown_options(options),
        "api_version": options.api_version,
        "price_in_usd": usd(options.input_nano_usd),
        "price_out_usd": usd(options.output_nano_usd),
        "price_cached_usd": usd(options.cached_nano_usd),
        "created_at": moment_or_none(connection.created_at),
        "version": connection.version,
    }


def masked(secret: str) -> str:
    """What a person knows a key again by; nothing of a short one."""
    if len(secret) < _LEAST_TO_SHOW:
        return "…"
    prefix = secret[:3] if secret.startswith("sk-") else ""
    return f"{prefix}…{secret[-4:]}"


def model_view(model: ServedModel) -> JsonObject:
    return {"id": model.id, "name": model.name, "context_tokens": model.context_tokens, "answers": model.answers}


def ending_view(connection: Connection, asked: str, ending: Ending) -> JsonObject:
    """`asked` is the model that was asked, in case the answer does not name one."""
    from aicompute_tui.llms.prices import cost_of

    usage = ending.usage
    cost = cost_of(connection, usage, ending.model, asked)
    return {
        "model": ending.model,
        "finish_reason": ending.finish_reason,
        "connect_seconds": rounded(ending.connect_seconds),
        "first_token_seconds": rounded(ending.first_token_seconds),
        "total_seconds": rounded(ending.total_seconds),
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": None if cost is None else usd(cost.nano_usd),
        "cost_source": None if cost is None else cost.source,
    }


def tested_view(connection: Connection, asked: str, ending: Ending) -> JsonObject:
    """An answer in the words of a test."""
    told = ending_view(connection, asked, ending)
    return {
        "model": told["model"],
        "connect_ms": milliseconds(ending.connect_seconds),
        "first_token_ms": milliseconds(ending.first_token_seconds),
        "total_ms": milliseconds(ending.total_seconds),
        "prompt_tokens": told["input_tokens"],
        "cached_tokens": told["cached_tokens"],
        "completion_tokens": told["output_tokens"],
        "reasoning_tokens": told["reasoning_tokens"],
        "finish_reason": told["finish_reason"],
        "cost_usd": told["cost_usd"],
        "cost_source": told["cost_source"],
    }


def milliseconds(seconds: float | None) -> float | None:
    """To the tenth."""
    return None if seconds is None else round(seconds * 1000, 1)


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else float(usd_from_nano(nano_usd))


def prices_view(prices: TokenPrices | None, most_nano_usd: int | None) -> JsonObject:
    """What a call costs at most, and by whose prices; unknown is None."""
    return {
        "cost_at_most_usd": usd(most_nano_usd),
        "input_usd_per_million": None if prices is None else usd(prices.input_nano_usd),
        "output_usd_per_million": None if prices is None else usd(prices.output_nano_usd),
        "price_source": None if prices is None else prices.source,
        "price_as_of": (prices.as_of or None) if prices is not None else None,
    }
