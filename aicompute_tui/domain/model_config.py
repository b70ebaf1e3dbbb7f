"""From a model's `config.json` to its shape; a key that is absent or not understood is said to be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aicompute_tui.domain.model_shape import AttentionLayers, Layers, ModelShape, StateLayers
from aicompute_tui.domain.state_layers import state_bytes

Config = Mapping[str, object]
_LARGEST_KEY = 1 << 40
_MOST_LAYERS = 10_000
_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads")
_KV_HEADS = ("num_key_value_heads", "n_head_kv", "num_kv_heads")
_WIDTH = ("hidden_size", "n_embd", "d_model")
_CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
_FULL = frozenset({"full_attention", "attention", "global_attention", "full", "hybrid_attention"})
_SLIDING = frozenset({"sliding_attention", "local_attention", "sliding"})
_STATE = frozenset({"linear_attention", "mamba", "mamba2", "conv", "recurrent"})
_EMPTY = frozenset({"mlp", "moe"})
_ALL_SLIDE = frozenset({"mistral", "mixtral", "phi3", "starcoder2"})
_SLIDING_PATTERN = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4}
_NOT_UNDERSTOOD = {
    "is_encoder_decoder": "the cache of an encoder and a decoder",
    "block_configs": "what each of its differing layers keeps (block_configs)",
    "num_key_value_heads_per_layer": "what each of its differing layers keeps (num_key_value_heads_per_layer)",
    "index_topk": "the cache of its index (index_topk)",
    "num_kv_shared_layers": "which of its layers share a cache (num_kv_shared_layers)",
    "attention_k_eq_v": "what its layers with keys that are values keep (attention_k_eq_v)",
}
_LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
"""Of `hybrid_override_pattern`."""


def shape_of_config(config: Config, name: str) -> ModelShape:
    """Weights are not known from it."""
    part = text_part(config)
    missing = [words for key, words in _NOT_UNDERSTOOD.items() if part.get(key)]
    count, heads = whole(part, *_LAYERS), whole(part, *_HEADS)
    if count is None or count > _MOST_LAYERS:
        missing.append("its number of layers (num_hidden_layers)")
    layers: tuple[Layers, ...] = ()
    if count is not None and not missing:
        try:
            layers = _layers(part, count)
        except _Missing as error:
            missing.append(str(error))
    return ModelShape(
        name=name,
        layers=layers,
        heads=heads,
        context_length=_context_length(part),
        dtype=_dtype(part, config),
        embedding_parameters=None if part is not config else _embedding_parameters(config),
        missing=tuple(missing),
    )


def text_part(config: Config) -> Config:
    """The part that describes the language model, in a model of several parts."""
    parts = [config.get(key) for key in _TEXT_PARTS]
    parts += [part.get("text_config") for part in parts if isinstance(part, Mapping)]
    for part in parts:
        if isinstance(part, Mapping) and whole(part, *_LAYERS) is not None:
            return part
    return config


def whole(config: Config, *keys: str) -> int | None:
    """The first of the keys that holds a whole number above 0."""
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST_KEY:
            return value
    return None


class _Missing(Exception):
    """What is missing, in words."""


def _layers(part: Config, count: int) -> tuple[Layers, ...]:
    kinds = _kinds(part, count)
    known = _FULL | _SLIDING | _STATE | _EMPTY
    strange = sorted({kind for kind in kinds if kind not in known})
    if strange:
        raise _Missing(f"what a layer of the kind “{strange[0]}” keeps")
    found: list[Layers] = []
    full = sum(kind in _FULL for kind in kinds)
    sliding = sum(kind in _SLIDING for kind in kinds)
    if full:
        found.append(_attention(part, full, None))
    if sliding:
        window = whole(part, "sliding_window")
        if window is None:
            raise _Missing("how far its sliding layers look back (sliding_window)")
        found.append(_attention(part, sliding, window))
    for kind in sorted(_STATE & set(kinds)):
        one = state_bytes(kind, lambda *keys: whole(part, *keys))
        if one is None:
            raise _Missing(f"the size of the state of a layer of the kind “{kind}”")
        found.append(StateLayers(count=kinds.count(kind), state_bytes=one))
    return tuple(found)


def _kinds(part: Config, count: int) -> list[str]:
    """The kind of each layer."""
    named = _named_kinds(part)
    if named is not None:
        if len(named) != count:
            raise _Missing(f"the kind of every layer: {len(named)} are named, there are {count}")
        return named
    interval = whole(part, "full_attention_interval")
    if interval is not None:
        return [_at_every(position, interval, "linear_attention") for position in range(count)]
    period, offset = whole(part, "attn_layer_period"), part.get("attn_layer_offset")
    if period is not None and isinstance(offset, int):
        return ["attention" if position % period == offset else "mamba" for position in range(count)]
    if part.get("attention_chunk_size"):
        raise _Missing("which of its layers attend in chunks (layer_types)")
    if part.get("sliding_window") and part.get("use_sliding_window") is not False:
        return _sliding_kinds(part, count)
    return ["full_attention"] * count


def _named_kinds(part: Config) -> list[str] | None:
    for key in ("layer_types", "layers_block_type", "block_types"):
        value = part.get(key)
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            return [str(kind) for kind in value]
    pattern = part.get("hybrid_override_pattern")
    if isinstance(pattern, str) and pattern:
        return [_LETTERS.get(letter, letter) for letter in pattern]
    return None


def _sliding_kinds(part: Config, count: int) -> list[str]:
    model_type = str(part.get("model_type", ""))
    pattern = whole(part, "sliding_window_pattern") or _SLIDING_PATTERN.get(model_type)
    if pattern is not None:
        return [_at_every(position, pattern, "sliding_attention") for position in range(count)]
    first = part.get("max_window_layers")
    if part.get("use_sliding_window") is True and isinstance(first, int):
        return ["full_attention" if position < first else "sliding_attention" for position in range(count)]
    if model_type in _ALL_SLIDE:
        return ["sliding_attention"] * count
    raise _Missing("which of its layers slide (layer_types)")


def _at_every(position: int, interval: int, other: str) -> str:
    return other if (position + 1) % interval else "full_attention"


def _attention(part: Config, count: int, window: int | None) -> AttentionLayers:
    latent = whole(part, "kv_lora_rank")
    if latent is not None:
        rope = whole(part, "qk_rope_head_dim")
        if rope is None:
            raise _Missing("the part of the latent that turns with position (qk_rope_head_dim)")
        return AttentionLayers(count=count, values_per_head=latent + rope, kv_heads=None, window=window)
    wide = window is None
    heads = (whole(part, "num_global_key_value_heads") if wide else None) or _kv_heads(part)
    size = (whole(part, "global_head_dim") if wide else None) or _head_size(part)
    values = whole(part, "v_head_dim") or size
    return AttentionLayers(count=count, values_per_head=size + values, kv_heads=heads, window=window)


def _kv_heads(part: Config) -> int:
    if isinstance(part.get("num_key_value_heads"), list):
        raise _Missing("what each of its differing layers keeps (num_key_value_heads)")
    is_one = part.get("multi_query") is True and not part.get("new_decoder_architecture")
    named = whole(part, *_KV_HEADS) if not is_one else whole(part, "num_key_value_heads") or 1
    found = named or whole(part, *_HEADS)
    if found is None:
        raise _Missing("its number of attention heads (num_attention_heads)")
    return found


def _head_size(part: Config) -> int:
    named = whole(part, "head_dim")
    if named is not None:
        return named
    width, heads = whole(part, *_WIDTH), whole(part, *_HEADS)
    if width is None or heads is None or width % heads:
        raise _Missing("the size of an attention head (head_dim)")
    return width // heads


def _context_length(part: Config) -> int | None:
    named = whole(part, *_CONTEXT)
    scaling = part.get("rope_scaling") or part.get("rope_parameters")
    if not isinstance(scaling, Mapping):
        return named
    factor, kind = scaling.get("factor"), scaling.get("rope_type") or scaling.get("type")
    if (
        not isinstance(factor, int | float)
        or not 1 < factor < _LARGEST_KEY
        or kind not in {"yarn", "linear", "dynamic"}
    ):
        return named
    original = whole(scaling, "original_max_position_embeddings")
    if kind == "yarn" and original is not None:
        return max(named or 0, int(original * factor))
    return None if named is None else int(named * factor)


def quantisation_of(config: Config) -> str | None:
    """What its weights were quantised by, else in how many bits; None where nothing says that they are."""
    for each in (text_part(config), config):
        told = each.get("quantization_config")
        if isinstance(told, Mapping):
            method, bits = told.get("quant_method"), whole(told, "bits")
            return str(method) if method else f"{bits}-bit" if bits else "quantised"
    return None


def _dtype(part: Config, config: Config) -> str | None:
    """How a weight is stored: the quantisation where there is one."""
    quantisation = quantisation_of(config)
    if quantisation is not None:
        return quantisation
    for each in (part, config):
        named = each.get("dtype") or each.get("torch_dtype")
        if isinstance(named, str):
            return named.removeprefix("torch.")
    return None


def _embedding_parameters(config: Config) -> int | None:
    """One table of tokens where both ends share it, two where nothing says so."""
    vocabulary, width = whole(config, "vocab_size"), whole(config, *_WIDTH)
    if vocabulary is None or width is None:
        return None
    shares = config.get("tie_word_embeddings", str(config.get("model_type", "")).startswith("gemma"))
    return vocabulary * width * (1 if shares is True else 2)
