"""The price lists that ship are made anew from recorded files of the catalogue, or not at all."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from aicompute_tui.settings.packaged import DATA
from tests.rebuild_snapshot import main
from tests.unit.test_price_feeds_read import DATA as RECORDED
from tests.unit.test_price_feeds_read import catalogue, line

FILES = ("aws-gpu-prices.csv", "gpu-cloud-prices.csv", "price-sources.json")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The lists as they ship, each cut to a few lines so that a few new ones are no loss."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(DATA / "price-sources.json", folder)
    lines = (DATA / "aws-gpu-prices.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "aws-gpu-prices.csv").write_text("".join(lines[:4]), encoding="utf-8")
    lines = (DATA / "gpu-cloud-prices.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    few = [each for each in lines if each.startswith("runpod")][:3] + [
        each for each in lines if each.startswith("lambda")
    ][:3]
    (folder / "gpu-cloud-prices.csv").write_text("".join([lines[0], *few]), encoding="utf-8")
    return folder


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    folder = tmp_path / "recorded"
    folder.mkdir()
    for cloud in ("aws", "lambda", "vast"):
        shutil.copy(RECORDED / f"skypilot-{cloud}.csv", folder / f"{cloud}.csv")
    commits = {cloud: f"{cloud:0<40}" for cloud in ("aws", "lambda", "vast")}
    (folder / "commits.json").write_text(json.dumps(commits), encoding="utf-8")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def made(recorded: Path, target: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    code = main([str(recorded), "--read-on", "2026-11-22", "--target", str(target)], said.append)
    return code, said


def test_the_lists_are_those_of_the_recorded_files_and_say_so(recorded: Path, target: Path) -> None:
    assert made(recorded, target) == (
        0, ["aws: 3 offers, 3 before", "lambda: 3 offers, 3 before", "vast: 8 offers, 0 before"]
    )  # fmt: skip
    assert rows(target / "aws-gpu-prices.csv")[1] == {
        "instance_type": "g6.16xlarge", "region": "ca-central-1", "on_demand_usd_per_hour": "3.7716",
        "spot_min_usd_per_hour": "1.060100", "spot_max_usd_per_hour": "1.158400",
    }  # fmt: skip
    others = rows(target / "gpu-cloud-prices.csv")
    assert [row["provider"] for row in others] == ["lambda"] * 3 + ["runpod"] * 3 + ["vast"] * 8
    two = next(row for row in others if row["offer"] == "2x-H200-32-65536")
    assert (two["gpu_memory_gib"], two["on_demand_usd_per_hour"], two["spot_usd_per_hour"]) == ("140.40", "5.18", "")
    sources = json.loads((target / "price-sources.json").read_text(encoding="utf-8"))
    assert sources["vast"] == {
        "source": "snapshot skypilot-catalog vast0000, read 2026-11-22, price date unknown", "read_on": "2026-11-22"
    }  # fmt: skip
    assert sources["runpod"]["read_on"] == "2026-11-20"


BAD = {
    "nothing but zeros": (catalogue(line(price="0", spot="0")), "prices of nothing"),
    "spot far above on-demand": (catalogue(line(spot="2"), line("g5.xlarge", spot="3")), "spot prices above 1.5"),
    "cut off": (catalogue(line(), line())[:-20], "cut off"),
    "two prices for one": (catalogue(line(), line(price="0.9", zone="use1-az2")), "has 2 on-demand prices"),
    "a slip in one size": (
        catalogue(*(line(name, price=price, region=region, zone="") for name, region, price in (
            ("g6.xlarge", "us-east-1", "1"), ("g6.2xlarge", "us-east-1", "2"),
            ("g6.xlarge", "eu-west-1", "1.1"), ("g6.2xlarge", "eu-west-1", "2.4"),
        ))),
        "g6.xlarge in eu-west-1 is at 1.100 of us-east-1, g6.2xlarge at 1.200",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", BAD)
def test_a_file_that_fails_a_check_changes_nothing_at_all(recorded: Path, target: Path, how: str) -> None:
    body, words = BAD[how]
    (recorded / "aws.csv").write_bytes(body)
    before = [(target / name).read_bytes() for name in FILES]
    code, said = made(recorded, target)
    assert code == 1
    assert words in said[0]
    assert "Nothing was written." in said[0]
    assert [(target / name).read_bytes() for name in FILES] == before


def test_a_list_that_lost_half_of_what_it_had_is_refused(recorded: Path, target: Path) -> None:
    shutil.copy(DATA / "aws-gpu-prices.csv", target)
    code, said = made(recorded, target)
    assert (code, "has only 3 offers, where it had 378" in said[0]) == (1, True)
