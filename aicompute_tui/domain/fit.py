"""Whether a model fits on GPUs: weights, cache and the engine's own need on each, against what the engine may take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.model_shape import AttentionLayers, ModelShape
from aicompute_tui.domain.sizes import format_bytes

MIB = 1 << 20
GIB = 1 << 30
_COMFORT = Fraction(9, 10)
"""The share of the budget up to which it fits without being tight."""
MOST_TOKENS = 1 << 31
MOST_SEQUENCES = 1 << 16


class Verdict(StrEnum):
    FITS = "FITS"
    TIGHT = "TIGHT"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How a model server uses a GPU. What it may take is a share of the memory, less what it must leave free."""

    name: str
    own_bytes: int
    own_share_of_weights: Fraction = Fraction(0)
    budget_share: Fraction = Fraction(1)
    kept_free_bytes: int = 0
    keeps_cache: bool = True
    splits_tensors: bool = True
    """Whether more GPUs share each layer, which the number of heads then limits; others share out the layers."""
    cache_types: tuple[str, ...] = ("fp16", "bf16", "fp8")

    def budget(self, memory_bytes: int) -> int:
        return max(0, int(memory_bytes * self.budget_share) - self.kept_free_bytes)


_LLAMA_CACHE = ("fp16", "bf16", "q8_0", "q4_0")
ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(name="vllm", own_bytes=2 * GIB, own_share_of_weights=Fraction(1, 20), budget_share=Fraction(9, 10)),
        Engine(name="sglang", own_bytes=2 * GIB, own_share_of_weights=Fraction(1, 20), kept_free_bytes=GIB),
        Engine(name="tgi", own_bytes=2 * GIB, own_share_of_weights=Fraction(1, 20), kept_free_bytes=GIB),
        Engine(
            name="llamacpp",
            own_bytes=3 * GIB // 2,
            kept_free_bytes=GIB,
            splits_tensors=False,
            cache_types=_LLAMA_CACHE,
        ),
        Engine(
            name="ollama",
            own_bytes=3 * GIB // 2,
            kept_free_bytes=GIB,
            splits_tensors=False,
            cache_types=_LLAMA_CACHE,
        ),
        Engine(name="tei", own_bytes=GIB // 2, kept_free_bytes=GIB, keeps_cache=False),
    )
}
CACHE_BYTES = {
    "fp16": Fraction(2),
    "bf16": Fraction(2),
    "fp8": Fraction(1),
    "q8_0": Fraction(34, 32),
    "q4_0": Fraction(18, 32),
}
"""Bytes of one cached value; the quantised types carry a scale for each block of 32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How the model is to be served."""

    engine: Engine
    context: int
    parallel: int = 1
    """Sequences at once, each of the whole context."""
    kv_dtype: str = "fp16"

    def __post_init__(self) -> None:
        if self.kv_dtype not in self.engine.cache_types:
            known = ", ".join(self.engine.cache_types)
            raise InvalidInput(f"{self.engine.name} keeps no {self.kv_dtype} cache.", f"Choose one of {known}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """`memory_mib` is what one GPU reports, never the figure of its box."""

    memory_mib: int
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes on each GPU."""

    weights: int
    cache: int
    own: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.own


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Figures are None with UNKNOWN. `max_context` is for the sequences asked for, `max_parallel` for the context."""

    verdict: Verdict
    reason: str
    budget_bytes_per_gpu: int
    parallelism: int | None = None
    """Over how many of the GPUs the model is split."""
    need: Need | None = None
    max_context: int | None = None
    max_parallel: int | None = None


def cache_bytes(model: ModelShape, use: Use) -> int:
    """The whole cache of all sequences, all GPUs together, nothing counted twice."""
    return _cache(model, use, None)


def needed(model: ModelShape, use: Use, parallelism: int) -> Need:
    """What each of `parallelism` GPUs must hold. Raises ValueError for a model not known whole."""
    if model.weights_bytes is None or model.missing:
        raise ValueError("a model that is not known whole has no figure")
    weights = -(-model.weights_bytes // parallelism)
    own = use.engine.own_bytes + _ceil(weights * use.engine.own_share_of_weights)
    return Need(weights=weights, cache=_cache(model, use, parallelism), own=own)


def memory_needed(model: ModelShape, use: Use) -> int | None:
    """The least memory that one GPU must report for it, in bytes; None for a model not known whole."""
    if model.weights_bytes is None or model.missing:
        return None
    engine = use.engine
    return _ceil(Fraction(needed(model, use, 1).total + engine.kept_free_bytes) / engine.budget_share)


def usable_parallelism(model: ModelShape, engine: Engine, count: int) -> int | None:
    """The most of `count` GPUs that a model can be split over; None where its heads are not known."""
    if not engine.splits_tensors or count == 1:
        return count
    if model.heads is None:
        return None
    kv_heads = model.kv_heads() or 1
    return next(
        split
        for split in range(count, 0, -1)
        if model.heads % split == 0 and (kv_heads % split == 0 or split % kv_heads == 0)
    )


def fit(model: ModelShape, use: Use, gpus: Gpus) -> Fit:
    """Never FITS above what the engine may take, and UNKNOWN where anything it rests on is not known."""
    budget = use.engine.budget(gpus.memory_mib * MIB)
    split = usable_parallelism(model, use.engine, gpus.count)
    missing = _missing(model, use, gpus.count)
    if missing or split is None:
        return Fit(verdict=Verdict.UNKNOWN, reason=_unknown(model, missing), budget_bytes_per_gpu=budget)
    need = needed(model, use, split)
    found = Fit(
        verdict=_verdict(need, budget),
        reason="",
        budget_bytes_per_gpu=budget,
        parallelism=split,
        need=need,
        max_context=_most_context(model, use, split, budget),
        max_parallel=_most_sequences(model, use, split, budget),
    )
    return _with_reason(found, model, use, gpus)


def _verdict(need: Need, budget: int) -> Verdict:
    if need.total > budget:
        return Verdict.NO
    return Verdict.FITS if need.total <= budget * _COMFORT else Verdict.TIGHT


def _missing(model: ModelShape, use: Use, count: int) -> tuple[str, ...]:
    """What is missing for a figure, in words."""
    missing = list(model.missing)
    if model.weights_bytes is None:
        missing.append("the size of its weights (--weights-bytes)")
    if count > 1 and use.engine.splits_tensors and model.heads is None:
        missing.append("its number of attention heads")
    return tuple(dict.fromkeys(missing))


def _cache(model: ModelShape, use: Use, parallelism: int | None) -> int:
    if not use.engine.keeps_cache:
        return 0
    value_bytes, total = CACHE_BYTES[use.kv_dtype], 0
    for layers in model.layers:
        if isinstance(layers, AttentionLayers):
            bytes_all = layers.values_per_token() * layers.tokens(use.context) * use.parallel * value_bytes
            total += _ceil(Fraction(bytes_all, 1 if parallelism is None else layers.split(parallelism)))
        else:
            total += layers.count * layers.state_bytes * use.parallel
    return total


def _most_context(model: ModelShape, use: Use, split: int, budget: int) -> int | None:
    """Within what the model was made for; None where memory sets no end and the model tells none."""
    top = model.context_length or MOST_TOKENS
    found = _largest(top, lambda tokens: needed(model, _at(use, context=tokens), split).total <= budget)
    return None if found == MOST_TOKENS and model.context_length is None else found


def _most_sequences(model: ModelShape, use: Use, split: int, budget: int) -> int | None:
    found = _largest(MOST_SEQUENCES, lambda count: needed(model, _at(use, parallel=count), split).total <= budget)
    return None if found == MOST_SEQUENCES else found


def _largest(top: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `top` for which it fits, 0 where not even 1 does; more never needs less."""
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _at(use: Use, *, context: int | None = None, parallel: int | None = None) -> Use:
    return replace(use, context=context or use.context, parallel=parallel or use.parallel)


def _unknown(model: ModelShape, missing: Sequence[str]) -> str:
    words = "Cannot be told: " + "; ".join(missing) + (" is" if len(missing) == 1 else " are") + " not known."
    if model.weights_bytes is None:
        return words
    rough = format_bytes(_ceil(model.weights_bytes * Fraction(6, 5)) + 2 * GIB)
    weights = format_bytes(model.weights_bytes)
    return f"{words} The weights are {weights}; as a rough rule (weights x 1.2 + 2 GiB) it takes {rough} in all."


def _with_reason(found: Fit, model: ModelShape, use: Use, gpus: Gpus) -> Fit:
    need = found.need or Need(weights=0, cache=0, own=0)
    split = found.parallelism or 1
    each = "on the GPU" if split == 1 else f"on each of {split} GPUs"
    parts = f"weights {format_bytes(need.weights)}, cache {format_bytes(need.cache)}, engine {format_bytes(need.own)}"
    budget = found.budget_bytes_per_gpu
    may = f"{format_bytes(budget)} that {use.engine.name} may take of {format_bytes(gpus.memory_mib * MIB)}"
    words = [f"Needs {format_bytes(need.total)} {each} ({parts}), of the {may}."]
    if found.verdict is Verdict.TIGHT:
        words.append("Tight: less than a tenth of that is left.")
    if found.verdict is Verdict.NO:
        words.append(f"That is {format_bytes(need.total - budget)} too much.")
    words.append(_room(found, model, use))
    if split < gpus.count:
        words.append(f"{split} of {gpus.count} GPUs are used: its {model.heads} heads cannot be split over more.")
    if model.context_length is not None and use.context > model.context_length:
        words.append(
            f"The model was made for {model.context_length:,} tokens, less than the {use.context:,} asked for."
        )
    return replace(found, reason=" ".join(words))


def _room(found: Fit, model: ModelShape, use: Use) -> str:
    """The largest context and the most sequences that fit."""
    sequences = "one sequence" if use.parallel == 1 else f"{use.parallel:,} sequences"
    if found.max_context == 0:
        return "Not even a context of one token fits: it takes more GPUs, larger ones, or smaller weights."
    if found.max_context is None:
        longest = f"With {sequences} any context fits"
    else:
        end = ", all the model was made for," if found.max_context == model.context_length else ""
        longest = f"With {sequences} a context of up to {found.max_context:,} tokens{end} fits"
    if not found.max_parallel:
        return f"{longest}."
    together = "one sequence" if found.max_parallel == 1 else f"up to {found.max_parallel:,} sequences"
    return f"{longest}, with {use.context:,} tokens {together} at once."


def _ceil(amount: Fraction | int) -> int:
    return -(-amount.numerator // amount.denominator)
