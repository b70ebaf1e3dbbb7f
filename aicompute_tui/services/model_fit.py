"""Whether a model of local files or of the hub fits on GPUs, and the machine types it fits on by the newest prices."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from aicompute_tui.clouds.aws.shipped import ShippedType, shipped_types
from aicompute_tui.domain.counts import number
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.fit import Fit, Gpus, Use, Verdict, cache_bytes, fit
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.model_shape import LARGEST, ModelShape
from aicompute_tui.services.arguments import integer, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.gpu_choice import chosen_gpus
from aicompute_tui.services.launch_spec import market_named
from aicompute_tui.services.model_facts import curated_model, model_shape
from aicompute_tui.services.model_files import read_config, read_gguf, read_model
from aicompute_tui.services.model_use import use_of
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.type_prices import TypePrice, type_prices

_MOST_ROWS = 1000
_BYTES_PER_PARAMETER = {"float32": 4, "float16": 2, "bfloat16": 2, "fp8": 1}


async def fit_model(context: Context, arguments: Arguments) -> Json:
    """Handler of `model.fit`: figures are None where they cannot be told, and the reason says why."""
    chosen = chosen_gpus(arguments)
    model = _with_given_weights(await _model(context, arguments), arguments)
    use = use_of(model, arguments)
    if chosen is not None:
        found = fit(model, use, chosen.gpus)
        return {
            **_answer(model, use, found),
            "gpu": chosen.called,
            "gpu_count": chosen.gpus.count,
            "gpu_memory_mib": chosen.gpus.memory_mib,
        }
    market = market_named(text(arguments, "market") or context.preferences.text("market").strip() or "spot")
    limit = integer(arguments, "limit", least=1, most=_MOST_ROWS) or 10
    region, now = text(arguments, "region"), context.clock.now()
    prices = await asyncio.to_thread(type_prices, await current_offers(context), market, region, now)
    ranked, shown = _ranked(model, use, prices, region, limit)
    return {
        **ranked,
        "market": market.value,
        "price_source": "; ".join(dict.fromkeys(each.source for each in shown)) or None,
        "price_read_days_ago": max((each.read_days_ago for each in shown), default=None),
    }


async def _model(context: Context, arguments: Arguments) -> ModelShape:
    """Of a file of this machine where there is one of that name, else of the shipped models or the hub."""
    named = text(arguments, "model")
    others = [name for name in ("config", "gguf") if text(arguments, name) is not None]
    if named is not None and not others and not await asyncio.to_thread(_is_here, named):
        return await model_shape(context, named, text(arguments, "variant"))
    return await asyncio.to_thread(_read, arguments)


def _is_here(named: str) -> bool:
    """What is written like a path is one, also where nothing lies there, and so is a word that names no known model."""
    path = Path(named).expanduser()
    is_path = named.startswith(("/", ".", "~")) or path.suffix in {".json", ".gguf", ".safetensors"}
    return path.exists() or is_path or ("/" not in named and curated_model(named) is None)


def _read(arguments: Arguments) -> ModelShape:
    given = {name: found for name in ("model", "config", "gguf") if (found := text(arguments, name)) is not None}
    if len(given) != 1:
        step = "Give one config.json, GGUF file or folder, or a model's id on Hugging Face."
        raise InvalidInput("No model is named." if not given else "More than one model is named.", step)
    ((how, written),) = given.items()
    path = Path(written).expanduser()
    readers = {"model": read_model, "config": read_config, "gguf": read_gguf}
    return readers[how](path)


def _with_given_weights(model: ModelShape, arguments: Arguments) -> ModelShape:
    """What was given wins over what lies there."""
    size = integer(arguments, "weights_bytes", least=1, most=LARGEST)
    source, parameters = "--weights-bytes", text(arguments, "parameters")
    if size is None and parameters is not None:
        each = _BYTES_PER_PARAMETER.get(model.dtype or "")
        if each is None:
            stored = model.dtype or "an unknown type"
            raise InvalidInput(f"How much a parameter in {stored} takes is not known.", "Give --weights-bytes.")
        size, source = number(parameters, "parameters", 1000) * each, f"--parameters in {model.dtype}"
    if size is None:
        return model
    missing = tuple(words for words in model.missing if not words.startswith("the size of its weights"))
    return replace(model, weights_bytes=size, weights_source=source, missing=missing)


def _answer(model: ModelShape, use: Use, found: Fit) -> JsonObject:
    known = found.verdict is not Verdict.UNKNOWN
    return {
        "verdict": found.verdict.value,
        "ok": found.verdict in {Verdict.FITS, Verdict.TIGHT},
        "reason": found.reason,
        "model": model.name,
        "engine": use.engine.name,
        "context": use.context,
        "parallel": use.parallel,
        "kv_dtype": use.kv_dtype,
        "weights_bytes": model.weights_bytes,
        "weights_source": model.weights_source,
        "kv_cache_bytes": cache_bytes(model, use) if known else None,
        "gpus_used": found.parallelism,
        "needed_bytes_per_gpu": found.need.total if found.need else None,
        "budget_bytes_per_gpu": found.budget_bytes_per_gpu,
        "max_context": found.max_context,
        "max_parallel": found.max_parallel,
        "model_context": model.context_length,
    }


def _ranked(
    model: ModelShape, use: Use, prices: Mapping[str, TypePrice], region: str | None, limit: int
) -> tuple[JsonObject, list[TypePrice]]:
    """The best verdict, and the machine types that fit, cheapest first, unpriced last; then the prices shown."""
    machines = [each for each in shipped_types().values() if each.disabled_reason is None]
    tried = [(each, fit(model, use, Gpus(memory_mib=each.gpu_memory_mib, count=each.gpu_count))) for each in machines]
    largest = max(tried, key=lambda pair: pair[1].budget_bytes_per_gpu * pair[0].gpu_count)
    fitting = [pair for pair in tried if pair[1].verdict in {Verdict.FITS, Verdict.TIGHT}]
    rows = sorted((_row(each, found, prices.get(each.name)) for each, found in fitting), key=_price_order)
    rows = [row for row in rows if region is None or row["usd_per_hour"] is not None]
    answer = _answer(model, use, largest[1])
    for key in ("gpus_used", "needed_bytes_per_gpu", "budget_bytes_per_gpu", "max_context", "max_parallel"):
        del answer[key]
    if rows:
        easy = next((row for row in rows if row["verdict"] == Verdict.FITS), None)
        first = rows[0]
        reason = f"{len(rows)} of {len(machines)} machine types fit; the cheapest is {first['type']}: {first['why']}."
        if easy is not None and easy is not first:
            reason += f" The cheapest that is not tight is {easy['type']}."
        best = Verdict.TIGHT if easy is None else Verdict.FITS
        return {**answer, "verdict": best.value, "ok": True, "reason": reason, "machines": list(rows[:limit])}, [
            prices[name] for row in rows[:limit] if (name := str(row["type"])) in prices
        ]
    if largest[1].verdict is Verdict.UNKNOWN:
        return {**answer, "machines": []}, []
    if fitting:
        reason = f"{len(fitting)} machine types fit, but none has a price in {region}."
    else:
        reason = f"No machine type fits. On the largest, {largest[0].name}: {largest[1].reason}"
    return {**answer, "verdict": Verdict.NO.value, "ok": False, "reason": reason, "machines": []}, []


def _row(machine: ShippedType, found: Fit, price: TypePrice | None) -> dict[str, Json]:
    need, budget = found.need.total if found.need else 0, found.budget_bytes_per_gpu
    percent = -(-100 * need // budget)
    longest = "any context" if found.max_context is None else f"up to {found.max_context:,} tokens"
    tight = "tight, " if found.verdict is Verdict.TIGHT else ""
    return {
        "type": machine.name,
        "gpu_name": machine.gpu_name,
        "gpu_count": machine.gpu_count,
        "gpu_memory_mib": machine.gpu_memory_mib,
        "verdict": found.verdict.value,
        "usd_per_hour": price.usd_per_hour if price else None,
        "on_demand_usd_per_hour": price.on_demand_usd_per_hour if price else None,
        "region": price.region if price else None,
        "source": price.source if price else None,
        "read_days_ago": price.read_days_ago if price else None,
        "gpus_used": found.parallelism,
        "needed_bytes_per_gpu": need,
        "budget_bytes_per_gpu": budget,
        "max_context": found.max_context,
        "max_parallel": found.max_parallel,
        "why": f"{tight}{percent} % of what the engine may take, {longest}",
    }


def _price_order(row: dict[str, Json]) -> tuple[float, str]:
    price = row["usd_per_hour"]
    return (price if isinstance(price, float) else float("inf"), str(row["type"]))
