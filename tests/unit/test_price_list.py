"""Prices of every cloud from the packaged lists: ranked, filtered, dated, and never made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.cli.main import run
from aicompute_tui.clouds.price_lists import listed_offers
from aicompute_tui.runtime import build

Rows = Callable[..., list[dict[str, Any]]]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """In a home of its own, without credentials and without a network."""

    def build_here(**options: Any) -> Any:
        options["environment"] = {"HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home")}
        return build(**options)

    def made(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["price", "list", *words, "-o", "json"], build_here, {})
        said = capsys.readouterr()
        return code, said.out, said.err

    return made


@pytest.fixture
def rows(call: Call) -> Rows:
    def made(*words: str) -> list[dict[str, Any]]:
        code, out, err = call(*words)
        assert code == 0, err
        found: list[dict[str, Any]] = json.loads(out)
        return found

    return made


def test_every_offer_has_a_known_machine_a_source_and_no_price_of_nothing() -> None:
    offers = listed_offers()
    assert {offer.cloud for offer in offers} == {"aws", "lambda", "runpod", "vast"}
    assert len({(offer.cloud, offer.region, offer.machine_type) for offer in offers}) == len(offers) > 700
    for offer in offers:
        assert "read 2026-11-20" in offer.source
        assert offer.gpu_count >= 1
        assert offer.gpu_memory_mib >= 1024
        for price in (offer.spot_usd_per_hour, offer.on_demand_usd_per_hour):
            assert price is None or price > 0
        if offer.spot_usd_per_hour and offer.on_demand_usd_per_hour:
            assert offer.spot_usd_per_hour <= offer.on_demand_usd_per_hour * Decimal("1.5")


def test_the_cheapest_comes_first_and_each_share_is_of_the_price_that_ranks(rows: Rows) -> None:
    found = rows("--market", "on-demand", "--limit", "30")
    prices = [row["on_demand_usd_per_hour"] for row in found]
    assert prices == sorted(prices)
    for row in found:
        assert row["usd_per_gpu_hour"] == pytest.approx(row["on_demand_usd_per_hour"] / row["gpu_count"], abs=1e-6)
        vram = row["vram_mib"] / 1024
        assert row["usd_per_vram_gib_hour"] == pytest.approx(row["on_demand_usd_per_hour"] / vram, abs=1e-6)
    by_memory = [row["usd_per_vram_gib_hour"] for row in rows("--market", "spot", "--by", "vram", "--limit", "30")]
    assert by_memory == sorted(by_memory)


def test_a_share_of_a_gpu_is_told_as_one_and_never_priced_as_a_whole(rows: Rows) -> None:
    here = ("l4", "--cloud", "aws", "--region", "us-east-1", "--market", "on-demand")
    found = {row["type"]: row for row in rows(*here)}
    shares = {"g6f.large": 0.125, "g6f.xlarge": 0.125, "g6f.2xlarge": 0.25, "g6f.4xlarge": 0.5, "gr6f.4xlarge": 0.5}
    assert {name: row["gpu_count"] for name, row in found.items() if row["gpu_count"] < 1} == shares
    eighth, whole = found["g6f.large"], found["g6.xlarge"]
    assert (eighth["gpu_memory_mib"], eighth["vram_mib"], whole["vram_mib"]) == (2_861, 2_861, 22_888)
    assert eighth["usd_per_gpu_hour"] == pytest.approx(8 * eighth["on_demand_usd_per_hour"])
    assert eighth["usd_per_vram_gib_hour"] == pytest.approx(eighth["on_demand_usd_per_hour"] * 1024 / 2_861, abs=1e-6)
    by_gpu = [row["usd_per_gpu_hour"] for row in rows(*here, "--by", "gpu")]
    assert by_gpu == sorted(by_gpu)
    assert shares.keys().isdisjoint(row["type"] for row in rows(*here, "--gpu-count", "1"))


def test_filters_narrow_and_names_of_gpus_match_however_they_are_written(rows: Rows) -> None:
    found = rows("a100 80gb", "--most", "2", "--vram", "80")
    assert found
    assert all(row["gpu_name"].startswith("A100-80GB") for row in found)
    assert all(min(filter(None, (row["spot_usd_per_hour"], row["on_demand_usd_per_hour"]))) <= 2 for row in found)
    assert {row["cloud"] for row in rows("--cloud", "lambda", "--cloud", "vast")} == {"lambda", "vast"}
    assert all(row["gpu_count"] == 8 for row in rows("h100", "--gpu-count", "8"))
    assert all("ca-central" in row["region"] for row in rows("--region", "ca-central"))


def test_what_a_list_does_not_tell_is_unknown(rows: Rows) -> None:
    assert all(row["vcpu_count"] is None and row["spot_usd_per_hour"] is None for row in rows("--cloud", "vast"))
    of_p5 = next(row for row in rows("--region", "us-east-1") if row["type"] == "p5.4xlarge")
    assert (of_p5["spot_usd_per_hour"], of_p5["saving_percent"]) == (None, None)
    assert of_p5["usd_per_gpu_hour"] == of_p5["on_demand_usd_per_hour"]
    assert all(row["type"] != "p5.4xlarge" for row in rows("--region", "us-east-1", "--market", "spot"))


def test_an_unknown_cloud_is_named_with_those_that_are_known(call: Call) -> None:
    code, _, err = call("--cloud", "aws", "--cloud", "nimbus")
    assert code == 3
    assert "“nimbus”" in err
    assert "aws, lambda, runpod, vast" in err
