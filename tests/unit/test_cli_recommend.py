"""`model recommend` and `cost plan` on a fresh machine: offline, by what ships with the program, every figure dated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.cli.main import run
from aicompute_tui.domain.offer_table import table_of
from aicompute_tui.runtime import build
from aicompute_tui.services.offers import shipped_table
from aicompute_tui.store.offer_files import write_offers

Call = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """In a home of its own, without credentials; whoever reaches for the network fails."""

    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.getaddrinfo", no_network)
    monkeypatch.chdir(tmp_path)

    def build_here(**options: Any) -> Any:
        options["environment"] = {"HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home")}
        return build(**options)

    def made(*words: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run([*words, "-o", "json"], build_here, {})
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return made


def recommended(call: Call, *words: str, code: int = 0) -> Any:
    found, answer, err = call("model", "recommend", *words)
    assert found == code, err
    return answer


def test_loose_words_find_a_model_and_the_machines_it_fits_on_within_a_budget(call: Call) -> None:
    answer = recommended(call, "llama", "70b", "--context", "8k", "--max-usd-per-hour", "3")
    assert (answer["title"], answer["also"], answer["context"]) == ("Llama 3.1 70B", ["Llama 3.3 70B"], 8192)
    assert answer["verdict"] in ("FITS", "TIGHT")
    prices = [row["usd_per_hour"] for row in answer["offers"]]
    assert prices == sorted(prices)
    assert 0 < prices[-1] <= 3
    for row in answer["offers"]:
        assert row["served_as"] == "meta-llama/Llama-3.1-70B-Instruct"
        assert row["needed_bytes_per_gpu"] <= row["budget_bytes_per_gpu"] < row["gpu_memory_mib"] << 20
        assert row["usd_per_month"] == pytest.approx(row["usd_per_hour"] * 730, abs=0.01)
        assert row["source"]
        assert row["read_at"].startswith("20")
        assert row["max_context"] >= 8192


def test_a_budget_for_a_month_is_that_of_its_hours(call: Call) -> None:
    by_month = recommended(call, "llama-3.1-8b", "--max-usd-per-month", "365")
    by_hour = recommended(call, "llama-3.1-8b", "--max-usd-per-hour", "0.5")
    assert [row["id"] for row in by_month["offers"]] == [row["id"] for row in by_hour["offers"]]
    code, _, err = call("model", "recommend", "llama-3.1-8b", "--max-usd-per-month", "9", "--max-usd-per-hour", "9")
    assert code == 2
    assert "Two budgets" in err


def test_where_nothing_fits_it_says_in_which_quantisation_it_would_and_where_that_lies(call: Call) -> None:
    answer = recommended(call, "llama-3.1-70b", "--cloud", "aws", "--max-usd-per-hour", "1.5", code=1)
    assert (answer["verdict"], answer["ok"], answer["offers"]) == ("NO", False, [])
    first = answer["instead"][0]
    assert (first["quantisation"], first["engine"]) == ("awq", "vllm")
    assert first["served_as"] == "hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4"
    assert first["usd_per_hour"] <= 1.5
    assert "The cheapest that it fits on is" in answer["reason"]
    assert f"In awq (37.0 GiB) it fits on {first['type']}" in answer["reason"]


def test_only_what_was_asked_for_is_offered(call: Call) -> None:
    answer = recommended(
        call, "qwen2.5:7b", "--market", "on-demand", "--cloud", "aws", "--cloud", "lambda", "--gpu", "a10"
    )
    assert {row["cloud"] for row in answer["offers"]} == {"aws", "lambda"}
    assert {row["market"] for row in answer["offers"]} == {"on-demand"}
    assert all("A10" in row["gpu_name"] for row in answer["offers"])
    nowhere = recommended(call, "qwen2.5:7b", "--region", "atlantis", code=1)
    assert nowhere["offers"] == nowhere["instead"] == []
    assert "in atlantis" in nowhere["reason"]
    code, _, err = call("model", "recommend", "qwen2.5:7b", "--cloud", "nimbus")
    assert code == 3
    assert "aws, lambda, runpod, vast" in err


def test_memory_that_a_list_rounds_up_is_what_such_a_gpu_reports(call: Call) -> None:
    """RunPod's list calls an L4 one of 24 GiB; it reports 22,888 MiB."""
    answer = recommended(call, "llama-3.1-8b", "--cloud", "runpod", "--gpu", "L4")
    assert {row["gpu_memory_mib"] for row in answer["offers"] if row["gpu_name"] == "L4"} == {22_888}


def test_machines_no_image_has_a_driver_for_are_not_recommended(call: Call) -> None:
    types = {row["type"] for row in recommended(call, "llama-3.1-8b", "--cloud", "aws")["offers"]}
    assert "g5.xlarge" in types
    assert not any(name.startswith(("p3", "g5g", "g4ad")) for name in types)


def test_a_model_of_pictures_is_unknown_and_a_name_nobody_has_is_said(call: Call) -> None:
    answer = recommended(call, "sdxl", code=1)
    assert (answer["verdict"], answer["offers"]) == ("UNKNOWN", [])
    code, _, err = call("model", "recommend", "zeppelin", "9000b")
    assert code == 3
    assert "No known model has all of “zeppelin 9000b” in its name." in err
    code, _, err = call("model", "recommend")
    assert code == 2
    assert "No model is named." in err


def test_a_file_of_this_machine_is_a_model_too(call: Call, tmp_path: Path) -> None:
    config = {
        "model_type": "llama", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "hidden_size": 4096, "vocab_size": 128_256, "max_position_embeddings": 131_072, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text(json.dumps(config))
    index = {"metadata": {"total_size": 16_060_522_496}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}
    (tmp_path / "own" / "model.safetensors.index.json").write_text(json.dumps(index))
    answer = recommended(call, "./own", "--cloud", "aws", "--max-usd-per-hour", "1")
    assert answer["offers"]
    assert answer["offers"][0]["served_as"] is None
    none = recommended(call, "./own", "--cloud", "aws", "--max-usd-per-hour", "0.2", code=1)
    assert {row["quantisation"] for row in none["instead"]} <= {"fp8", "awq"}
    assert none["instead"]


def test_an_embedding_is_put_on_a_server_of_embeddings(call: Call) -> None:
    answer = recommended(call, "bge-m3", "--cloud", "aws", "--limit", "1")
    assert answer["engine"] == "tei"
    assert len(answer["offers"]) == 1


# -- cost plan


def planned(call: Call, *words: str, code: int = 0) -> Any:
    found, rows, err = call("cost", "plan", *words)
    assert found == code, err
    return rows


def test_the_plans_that_come_with_the_program_are_dated_sums_of_their_hours(call: Call) -> None:
    rows = planned(call)
    assert [row["plan"] for row in rows] == ["minimal", "light", "medium", "heavy", "parallel"]
    for row in rows:
        assert row["hours_per_month"] == pytest.approx(row["machines"] * row["hours_per_day"] * 730 / 24, abs=0.01)
        for end in ("low", "high"):
            expected = row[f"{end}_usd_per_hour"] * row["hours_per_month"]
            assert row[f"{end}_usd_per_month"] == pytest.approx(expected, abs=0.02)
            assert row[f"{end}_source"]
            assert row[f"{end}_days_ago"] >= 0
        assert row["low_usd_per_month"] <= row["high_usd_per_month"]


def test_a_day_and_night_is_730_hours_and_a_market_makes_both_ends_one(call: Call) -> None:
    [row] = planned(call, "light", "--hours-per-day", "24", "--machines", "2", "--market", "on-demand")
    assert row["hours_per_month"] == 1460
    assert row["low_usd_per_month"] == row["high_usd_per_month"]
    assert row["type"] == "g5.xlarge"


def test_where_spot_is_dearer_than_on_demand_it_is_the_most(call: Call, tmp_path: Path) -> None:
    dear = replace(shipped_table().offer(0), cloud="aws", region="us-east-1", machine_type="g5.xlarge", source="a list",
                   on_demand_usd_per_hour=Decimal("0.5"), spot_usd_per_hour=Decimal("0.6"))  # fmt: skip
    write_offers(tmp_path / "home" / "cache", table_of([dear]))
    [row] = planned(call, "light")
    assert (row["low_usd_per_hour"], row["high_usd_per_hour"]) == (0.5, 0.6)
    assert row["low_usd_per_month"] < row["high_usd_per_month"]
    assert "At least by on-demand, at most by spot prices." in row["basis"]


def test_what_no_list_tells_stays_unknown(call: Call) -> None:
    [row] = planned(call, "--type", "p5.4xlarge", "--region", "us-east-1", "--hours-per-day", "1")
    assert row["low_usd_per_month"] is None
    assert row["high_usd_per_month"] > 0
    assert "No list tells a spot price." in row["basis"]
    [row] = planned(call, "--type", "x9.large")
    assert (row["low_usd_per_month"], row["high_usd_per_month"], row["region"]) == (None, None, None)
    assert "No price list has this machine there." in row["basis"]


def test_tokens_cost_what_their_connection_asks(call: Call) -> None:
    code, _, err = call(
        "connection", "add", "paid", "--type", "openai-compatible", "--base-url", "http://127.0.0.1:9/v1",
        "--model", "m", "--price-in", "2", "--price-out", "10",
    )  # fmt: skip
    assert code == 0, err
    [without], [row] = planned(call, "light"), planned(call, "light", "--tokens", "50m", "--connection", "paid")
    assert (row["tokens_low_usd"], row["tokens_high_usd"]) == (100.0, 500.0)
    assert row["low_usd_per_month"] == pytest.approx(without["low_usd_per_month"] + 100, abs=0.01)
    assert row["high_usd_per_month"] == pytest.approx(without["high_usd_per_month"] + 500, abs=0.01)
    assert call("connection", "edit", "paid", "--price-in", "none", "--price-out", "none")[0] == 0
    [row] = planned(call, "light", "--tokens", "50m", "--connection", "paid")
    assert (row["tokens_low_usd"], row["low_usd_per_month"], row["high_usd_per_month"]) == (None, None, None)
    assert "is not known" in row["basis"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--hours-per-day", "25"), 2, "hours a day"),
        (("--hours-per-day", "nan"), 2, "hours"),
        (("--tokens", "5m"), 2, "Give both"),
        (("--tokens", "5m", "--connection", "nobody"), 3, "nobody"),
        (("--region", "atlantis"), 3, "atlantis"),
        (("--machines", "0"), 2, "machines"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(call: Call, words: tuple[str, ...], code: int, said: str) -> None:
    found, _, err = call("cost", "plan", *words)
    assert found == code, err
    assert said in err
