"""What of a model decides the memory it needs: the bytes of its weights, and what each layer keeps of a sequence."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST = 1 << 62
"""No count of bytes or tokens is believed above this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionLayers:
    """Layers that keep keys and values of every token, or of the last `window` ones.

    `kv_heads` is None where all GPUs keep the same (a latent that is not split); `values_per_head` counts keys and
    values together.
    """

    count: int
    values_per_head: int
    kv_heads: int | None
    window: int | None = None

    def tokens(self, context: int) -> int:
        return context if self.window is None else min(context, self.window)

    def values_per_token(self) -> int:
        return self.count * self.values_per_head * (self.kv_heads or 1)

    def split(self, parallelism: int) -> int:
        """Into how many parts the cache goes: heads are replicated where there are more GPUs than heads."""
        return 1 if self.kv_heads is None else min(parallelism, self.kv_heads)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLayers:
    """Layers that keep a state of one size for a sequence, however long: linear attention, state space, convolution."""

    count: int
    state_bytes: int


Layers = AttentionLayers | StateLayers


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """`missing` names, in words, what could not be read; with anything missing there is no figure."""

    name: str
    layers: tuple[Layers, ...] = ()
    heads: int | None = None
    """Attention heads: a tensor-parallel split must divide them; None where it cannot be told."""
    context_length: int | None = None
    """What the model was made for."""
    weights_bytes: int | None = None
    weights_source: str | None = None
    dtype: str | None = None
    embedding_parameters: int | None = None
    """Those of the tables of tokens at both ends, which quantisers leave alone; None where they cannot be told."""
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def kv_heads(self) -> int | None:
        """The fewest heads of a layer whose cache is split, None where none is."""
        found = [each.kv_heads for each in self.layers if isinstance(each, AttentionLayers) and each.kv_heads]
        return min(found, default=None)
