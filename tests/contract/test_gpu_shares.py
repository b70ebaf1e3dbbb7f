"""Machines with a part of a GPU from the command line: told as that part, and judged by the memory it really has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, cli_for

SHARES = {"g6f.large", "g6f.xlarge", "g6f.2xlarge", "g6f.4xlarge", "gr6f.4xlarge"}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """A fresh machine that never saw the hub."""
    with cli_for(tmp_path, {"HF_HUB_OFFLINE": "1"}, monkeypatch, capsys) as made:
        yield made


def test_a_share_is_told_as_one_and_costs_what_the_whole_gpu_would(offline: Cli) -> None:
    header, *lines = offline("price", "list", "--type", "g6f", "--region", "us-east-1").out.splitlines()
    place = header.index("GPU_COUNT")
    assert {line[place:].split()[0] for line in lines} == {"1/8", "1/4", "1/2"}
    [eighth, whole] = offline.json("price", "compare", "g6f.large@us-east-1", "g6.xlarge@us-east-1")
    assert (eighth["gpu_count"], whole["gpu_count"]) == (0.125, 1)
    assert eighth["usd_per_gpu_hour"] == pytest.approx(8 * eighth["spot_usd_per_hour"])
    assert eighth["usd_per_gpu_hour"] > whole["usd_per_gpu_hour"]


def test_a_model_is_judged_by_the_memory_of_the_share_and_none_is_recommended(offline: Cli) -> None:
    answer = offline.json("model", "fit", "llama-3.1-8b", "--gpu", "g6f.large", code=1)
    assert (answer["verdict"], answer["gpu"], answer["gpu_memory_mib"]) == ("NO", "g6f.large (1/8 × L4)", 2_861)
    assert SHARES.isdisjoint(row["name"] for row in offline.json("model", "places", "llama-3.1-8b"))
    [plan] = offline.json("cost", "plan", "light", "--type", "g6f.2xlarge")
    assert plan["gpu_count"] == 0.25
