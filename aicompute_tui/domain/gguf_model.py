"""From the header of a GGUF file to the model's shape; an entry that is not there is said to be missing."""

from __future__ import annotations

from aicompute_tui.domain.gguf import Metadata
from aicompute_tui.domain.model_shape import AttentionLayers, Layers, ModelShape, StateLayers
from aicompute_tui.domain.state_layers import state_space_values

_LARGEST_ENTRY = 1 << 40
_MOST_LAYERS = 4_096
_SLIDING_PATTERN = {"gemma2": 2, "gemma3": 6, "cohere2": 4, "gpt-oss": 2}
_SEES_EVERYTHING = frozenset({"phi3"})
"""llama.cpp keeps every token for these, whatever window the file names."""
_STATE_VALUE_BYTES = 4


class _Missing(Exception):
    """What is missing, in words."""


def shape_of_gguf(metadata: Metadata, name: str) -> ModelShape:
    """Weights are not known from it: they are the size of the file."""
    entries = _Entries(metadata)
    missing: list[str] = []
    layers: tuple[Layers, ...] = ()
    try:
        layers = _layers(entries)
    except _Missing as error:
        missing.append(str(error))
    heads = entries.each_layer("attention.head_count", entries.layer_count() or 0)
    return ModelShape(
        name=name,
        layers=layers,
        heads=max(heads, default=0) or None,
        context_length=entries.whole("context_length"),
        missing=tuple(missing),
    )


class _Entries:
    """The entries of the file's architecture, by the end of their names."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self.architecture = str(metadata.get("general.architecture", ""))

    def value(self, key: str) -> object:
        return self._metadata.get(f"{self.architecture}.{key}")

    def whole(self, key: str) -> int | None:
        """A whole number above 0."""
        value = self.value(key)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return value if is_whole and isinstance(value, int) and 0 < value < _LARGEST_ENTRY else None

    def layer_count(self) -> int | None:
        """Without those that only predict further tokens, which keep no cache of the sequence."""
        count = self.whole("block_count")
        if count is None or count > _MOST_LAYERS:
            return None
        return max(0, count - (self.whole("nextn_predict_layers") or 0))

    def each_layer(self, key: str, count: int) -> list[int]:
        """A number for each layer, from a list or from one for all; none where it is not named for each."""
        value = self.value(key)
        if isinstance(value, list):
            sound = len(value) >= count and all(0 <= each < _LARGEST_ENTRY for each in value)
            return [int(each) for each in value[:count]] if sound else []
        one = self.whole(key)
        return [] if one is None else [one] * count


def _layers(entries: _Entries) -> tuple[Layers, ...]:
    if not entries.architecture:
        raise _Missing("its architecture (general.architecture)")
    count = entries.layer_count()
    if count is None:
        raise _Missing(f"its number of layers ({entries.architecture}.block_count)")
    if entries.whole("attention.shared_kv_layers"):
        raise _Missing("which of its layers share a cache (attention.shared_kv_layers)")
    if entries.whole("attention.indexer.key_length"):
        raise _Missing("the cache of its index (attention.indexer)")
    kv_heads = entries.each_layer("attention.head_count_kv", count) or entries.each_layer("attention.head_count", count)
    if not kv_heads:
        raise _Missing(f"its attention heads ({entries.architecture}.attention.head_count)")
    interval = entries.whole("full_attention_interval")
    if interval is not None:
        kv_heads = [0 if (position + 1) % interval else heads for position, heads in enumerate(kv_heads)]
    slides = _sliding(entries, count)
    groups: dict[tuple[int, bool], int] = {}
    for heads, is_sliding in zip(kv_heads, slides, strict=True):
        groups[heads, is_sliding and heads > 0] = groups.get((heads, is_sliding and heads > 0), 0) + 1
    return tuple(
        _attention(entries, heads, number, slides=is_sliding) if heads else _state(entries, number)
        for (heads, is_sliding), number in sorted(groups.items())
    )


def _sliding(entries: _Entries, count: int) -> list[bool]:
    """Which layers look back over a window only."""
    if entries.whole("attention.sliding_window") is None or entries.architecture in _SEES_EVERYTHING:
        return [False] * count
    pattern = entries.value("attention.sliding_window_pattern")
    if isinstance(pattern, list) and len(pattern) >= count:
        return [bool(each) for each in pattern[:count]]
    interval = entries.whole("attention.sliding_window_pattern") or _SLIDING_PATTERN.get(entries.architecture)
    if interval is None:
        raise _Missing("which of its layers slide (attention.sliding_window_pattern)")
    return [bool((position + 1) % interval) for position in range(count)]


def _attention(entries: _Entries, heads: int, count: int, *, slides: bool) -> AttentionLayers:
    window = entries.whole("attention.sliding_window") if slides else None
    latent = entries.whole("attention.kv_lora_rank")
    if latent is not None and (entries.whole("attention.key_length_mla") or heads == 1):
        rope = entries.whole("rope.dimension_count")
        if rope is None:
            raise _Missing("the part of the latent that turns with position (rope.dimension_count)")
        return AttentionLayers(count=count, values_per_head=latent + rope, kv_heads=None, window=window)
    keys, values = _sizes(entries, slides=slides)
    return AttentionLayers(count=count, values_per_head=keys + values, kv_heads=heads, window=window)


def _sizes(entries: _Entries, *, slides: bool) -> tuple[int, int]:
    """Of a head's keys and values."""
    width, heads = entries.whole("embedding_length"), entries.whole("attention.head_count")
    usual = width // heads if width is not None and heads is not None and width % heads == 0 else None
    own = ("attention.key_length_swa", "attention.value_length_swa") if slides else ("", "")
    keys = entries.whole(own[0]) or entries.whole("attention.key_length") or usual
    values = entries.whole(own[1]) or entries.whole("attention.value_length") or usual
    if keys is None or values is None:
        raise _Missing(f"the size of an attention head ({entries.architecture}.attention.key_length)")
    return keys, values


def _state(entries: _Entries, count: int) -> StateLayers:
    inner, state, kernel = (entries.whole(f"ssm.{key}") for key in ("inner_size", "state_size", "conv_kernel"))
    if inner is not None and state is not None and kernel is not None:
        values = state_space_values(inner, state, entries.whole("ssm.group_count") or 0, kernel)
        return StateLayers(count=count, state_bytes=values * _STATE_VALUE_BYTES)
    seen, width = entries.whole("shortconv.l_cache"), entries.whole("embedding_length")
    if seen is not None and width is not None:
        return StateLayers(count=count, state_bytes=width * (seen - 1) * _STATE_VALUE_BYTES)
    raise _Missing(f"the size of the state of its layers without attention ({entries.architecture}.ssm)")
