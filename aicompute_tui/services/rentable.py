"""The offers that a model server can be put on, with the memory that their GPUs report and the price that counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from aicompute_tui.clouds.aws.shipped import shipped_types
from aicompute_tui.domain.gpu_share import WHOLE
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer_rows import OfferRows, ranking_nanos
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.recommendation import plain

AWS = "aws"
_MOST_RESERVED = 10
"""In percent: how much less than a list names a GPU may report and still be the same."""


def rentable(table: OfferTable, market: Market | None) -> OfferRows:
    """Those with a price, without machines that no image with a driver is known for, as for a share of AWS's GPUs."""
    return OfferRows(table, _rows(table, ranking_nanos(table, market)), _memory(table))


def _rows(table: OfferTable, nanos: Sequence[int]) -> list[int]:
    clouds, types, parts = (table.column(name) for name in ("cloud", "machine_type", "gpu_parts"))
    kept_out = {each.name for each in shipped_types().values() if each.disabled_reason is not None}
    is_aws, is_out = [word == AWS for word in clouds.words], [word in kept_out for word in types.words]
    return [
        row
        for row, (nano, memory, cloud, name, part) in enumerate(
            zip(nanos, table.column("gpu_memory_mib").codes, clouds.codes, types.codes, parts.codes, strict=True)
        )
        if nano >= 0 and memory > 0 and not (is_aws[cloud] and (is_out[name] or part != WHOLE))
    ]


def _memory(table: OfferTable) -> Sequence[int]:
    """By row; each size of each GPU is looked up once."""
    clouds, gpus, sizes = (table.column(name) for name in ("cloud", "gpu_name", "gpu_memory_mib"))
    keys = list(zip(clouds.codes, gpus.codes, sizes.codes, strict=True))
    known = {
        (cloud, gpu, size): size if clouds.words[cloud] == AWS else _as_reported(gpus.words[gpu], size)
        for cloud, gpu, size in set(keys)
    }
    return [known[key] for key in keys]


def _as_reported(gpu_name: str, size: int) -> int:
    """Lists name the memory of a data sheet, of which error correction takes a part."""
    least = size * (100 - _MOST_RESERVED) // 100
    return max((each for each in _reported().get(plain(gpu_name), ()) if least <= each < size), default=size)


@cache
def _reported() -> dict[str, set[int]]:
    """GPU → the memory that AWS reports of it."""
    found: dict[str, set[int]] = {}
    for each in shipped_types().values():
        if not each.is_share:
            found.setdefault(plain(each.gpu_name), set()).add(each.gpu_memory_mib)
    return found
