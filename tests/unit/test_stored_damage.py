"""What a question about images and volumes says of each of them before it is answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from aicompute_tui.actions.damage import Row
from aicompute_tui.actions.stored_damage import BUILDERS
from aicompute_tui.domain.json import JsonObject

_GIB = 1 << 30


def row(name: str, host: str = "lab", digests: Sequence[str] = ()) -> JsonObject:
    return {
        "name": name, "host": host, "digests": [*digests], "size": "1.0 GiB", "frees": "1.0 GiB", "frees_bytes": _GIB,
        "problem": None,
    }  # fmt: skip


def told(action_id: str, rows: Sequence[Row]) -> list[str]:
    return list(BUILDERS[action_id](rows).lines)


@pytest.mark.parametrize("action_id", ["volume.prune", "volume.remove"])
def test_every_volume_that_goes_is_named_below_its_host(action_id: str) -> None:
    rows = [row(f"{host}-volume-{number}", host) for host in ("lab", "box") for number in range(9)]
    lines = told(action_id, rows)
    for host in ("lab", "box"):
        first = lines.index(f"{host}  {host}-volume-0, 1.0 GiB")
        assert lines[first + 1 : first + 9] == [f"  {host}-volume-{number}, 1.0 GiB" for number in range(1, 9)]


def test_what_no_registry_has_is_named_and_not_said_to_come_back() -> None:
    pulled = [row(f"hub/pulled:{number}", digests=[f"hub/pulled@sha256:{number}"]) for number in range(9)]
    made = [row(f"made:{number}") for number in range(9)]
    lines = told("image.prune", [*pulled, *made])
    for number in range(9):
        assert any(f"made:{number}, 1.0 GiB; made there; cannot be pulled again" in line for line in lines)
    assert "loses  9 of them for good: made there; cannot be pulled again" in lines
    assert "and  3 more that were pulled" in lines
    assert not any("hub/" in line and "cannot" in line for line in lines)


@pytest.mark.parametrize(
    ("digests", "comes_back"), [((), "cannot be pulled again"), (("hub/x@sha256:1",), "can be pulled again")]
)
def test_a_single_image_says_whether_it_comes_back(digests: Sequence[str], comes_back: str) -> None:
    for action_id in ("image.remove", "image.prune"):
        losses = [line for line in told(action_id, [row("x", digests=digests)]) if line.startswith("loses")]
        assert len(losses) == 1
        assert comes_back in losses[0]
