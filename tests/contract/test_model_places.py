"""Where a model fits, from the command line and without a network: machines of the price lists in a stable order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, cli_for

FITTING = {"FITS", "TIGHT"}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """A fresh machine that never saw the hub."""
    with cli_for(tmp_path, {"HF_HUB_OFFLINE": "1"}, monkeypatch, capsys) as made:
        yield made


def test_what_fits_comes_first_and_cheapest_first_each_type_once(offline: Cli) -> None:
    rows = offline.json("model", "places", "llama-3.1-8b", "--context", "16k", "--market", "spot")
    verdicts = [row["verdict"] for row in rows]
    first_unfit = next(place for place, verdict in enumerate(verdicts) if verdict not in FITTING)
    assert FITTING.isdisjoint(verdicts[first_unfit:])
    prices = [row["usd_per_hour"] for row in rows[:first_unfit]]
    assert prices == sorted(prices)
    assert {row["market"] for row in rows} == {"spot"}
    names = [(row["cloud"], row["name"]) for row in rows]
    assert len(names) == len(set(names))
    assert all(row["source"] and row["read_days_ago"] is not None for row in rows)
    assert all(row["max_context"] >= 16_384 for row in rows[:first_unfit])
    assert all("too much" in row["why"] for row in rows if row["verdict"] == "NO")


def test_the_same_verdict_as_model_fit_tells(offline: Cli) -> None:
    rows = offline.json("model", "places", "qwen2.5-7b", "--region", "ca-central-1", "--market", "on-demand")
    row = next(row for row in rows if (row["cloud"], row["name"]) == ("aws", "g5.xlarge"))
    fit = offline.json("model", "fit", "qwen2.5-7b", "--gpu", "g5.xlarge")
    for key in ("verdict", "max_context", "needed_bytes_per_gpu", "budget_bytes_per_gpu", "reason"):
        assert row[key] == fit[key], key
    assert row["region"] == "ca-central-1"


def test_more_context_fits_on_no_more_and_a_limit_is_kept(offline: Cli) -> None:
    def fitting(*words: str) -> set[tuple[str, str]]:
        rows = offline.json("model", "places", "llama-3.1-8b", *words)
        return {(row["cloud"], row["name"]) for row in rows if row["verdict"] in FITTING}

    assert fitting("--context", "128k") < fitting("--context", "8k")
    assert len(offline.json("model", "places", "llama-3.1-8b", "--limit", "5")) == 5


def test_a_tag_of_ollama_is_counted_as_it_is_kept_there(offline: Cli) -> None:
    def needed(engine: str) -> int:
        rows = offline.json("model", "places", "llama3.1:8b", "--engine", engine, "--region", "ca-central-1")
        return next(int(row["needed_bytes_per_gpu"]) for row in rows if row["name"] == "g5.xlarge")

    assert needed("ollama") < needed("vllm") / 2


def test_an_unknown_model_is_said_to_be_unknown(offline: Cli) -> None:
    answer = offline("model", "places", "org/nobody-knows", "-o", "json")
    assert answer.code != 0
    assert answer.error["message"]
