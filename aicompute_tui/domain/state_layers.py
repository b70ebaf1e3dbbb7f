"""The bytes that one layer without growing cache keeps for a sequence, from the sizes that its model names."""

from __future__ import annotations

from collections.abc import Callable

_VALUE_BYTES = 4
"""States are kept in 32-bit floats."""

Size = Callable[..., int | None]
"""The first of the keys that has a value."""


def state_bytes(kind: str, size: Size) -> int | None:
    """None where a size that it rests on is not named."""
    makers = {"linear_attention": _linear, "mamba": _state_space, "mamba2": _state_space, "conv": _convolution}
    values = makers[kind](size) if kind in makers else None
    return None if values is None else values * _VALUE_BYTES


def state_space_values(inner: int, state: int, groups: int, kernel: int) -> int:
    """The state, and the last inputs that the convolution looks back at."""
    return inner * state + (inner + 2 * groups * state) * (kernel - 1)


def _linear(size: Size) -> int | None:
    key_heads, value_heads = size("linear_num_key_heads"), size("linear_num_value_heads")
    key_size, value_size = size("linear_key_head_dim"), size("linear_value_head_dim")
    kernel = size("linear_conv_kernel_dim")
    if key_heads is None or value_heads is None or key_size is None or value_size is None or kernel is None:
        return None
    seen = 2 * key_heads * key_size + value_heads * value_size
    return value_heads * key_size * value_size + seen * (kernel - 1)


def _state_space(size: Size) -> int | None:
    state, kernel = size("mamba_d_state", "ssm_state_size"), size("mamba_d_conv", "conv_kernel")
    heads, head_size = size("mamba_n_heads", "mamba_num_heads"), size("mamba_d_head", "mamba_head_dim")
    if state is None or kernel is None:
        return None
    if heads is not None and head_size is not None:
        groups = size("mamba_n_groups", "n_groups")
        return None if groups is None else state_space_values(heads * head_size, state, groups, kernel)
    expand, width = size("mamba_expand"), size("hidden_size")
    return None if expand is None or width is None else state_space_values(expand * width, state, 0, kernel)


def _convolution(size: Size) -> int | None:
    width, kernel = size("hidden_size"), size("conv_L_cache")
    return None if width is None or kernel is None else width * (kernel - 1)
