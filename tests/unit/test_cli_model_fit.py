"""`model fit` as a person calls it: offline, on files of this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.cli.main import run
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import table_of
from aicompute_tui.domain.price_feed import FeedState
from aicompute_tui.runtime import build
from aicompute_tui.services.offers import merge_feeds
from aicompute_tui.settings.places import places_from
from aicompute_tui.store.offer_files import write_feed
from tests.unit.gguf_writer import llama_entries, write_gguf

LLAMA_8B = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
LLAMA_70B = {**LLAMA_8B, "num_hidden_layers": 80, "num_attention_heads": 64, "hidden_size": 8192}
GIB = 1 << 30
Answer = tuple[int, str, str]
Call = Callable[..., Answer]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """In a home of its own, without credentials and without a network."""
    (tmp_path / "8b").mkdir()
    (tmp_path / "8b" / "config.json").write_text(json.dumps(LLAMA_8B))
    (tmp_path / "70b.json").write_text(json.dumps(LLAMA_70B))
    monkeypatch.chdir(tmp_path)

    def build_here(**options: Any) -> Any:
        options["environment"] = {"HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home")}
        return build(**options)

    def made(*words: str) -> Answer:
        capsys.readouterr()
        code = run(["model", "fit", *words], build_here, {})
        said = capsys.readouterr()
        return code, said.out, said.err

    return made


def answer(call: Call, *words: str, code: int = 0) -> Any:
    found, out, err = call(*words, "-o", "json")
    assert found == code, err
    return json.loads(out)


def test_a_fit_tells_every_figure(call: Call) -> None:
    words = ("8b", "--weights-bytes", str(15 * GIB), "--gpu-memory-mib", "49152", "--context", "32k", "--parallel", "2")
    found = answer(call, *words)
    assert (found["verdict"], found["kv_cache_bytes"]) == ("FITS", 8 * GIB)
    assert found["needed_bytes_per_gpu"] == 15 * GIB + 8 * GIB + 2 * GIB + 15 * GIB // 20
    assert found["budget_bytes_per_gpu"] == int(48 * GIB * 0.9)
    assert answer(call, "--config", "8b/config.json", *words[1:]) == found


def test_no_room_is_1_and_an_error_is_not(call: Call) -> None:
    weights = ("--weights-bytes", str(37 * GIB))
    found = answer(call, "70b.json", *weights, "--gpu", "2xA10G", "--context", "32k", code=1)
    assert (found["verdict"], found["ok"]) == ("NO", False)
    assert "26.4 GiB on each of 2 GPUs" in found["reason"]
    assert answer(call, "70b.json", *weights, "--gpu", "g5.12xlarge", "--context", "32k")["verdict"] == "FITS"
    assert call("none.json", "--gpu", "A10G")[0] == 3
    assert call("--gpu", "A10G")[0] == 2
    assert call("8b", "--context", "much")[0] == 2


def test_without_the_size_of_the_weights_there_is_no_figure(call: Call) -> None:
    found = answer(call, "8b", "--gpu", "A10G", code=1)
    assert (found["verdict"], found["kv_cache_bytes"], found["needed_bytes_per_gpu"]) == ("UNKNOWN", None, None)
    assert "--weights-bytes" in found["reason"]
    assert answer(call, "8b", code=1)["machines"] == []


def test_parameters_count_in_the_models_own_type(call: Call) -> None:
    found = answer(call, "8b", "--parameters", "8.03b", "--gpu", "24G")
    assert (found["weights_bytes"], found["gpu_memory_mib"]) == (16_060_000_000, 22_888)


def test_machine_types_that_fit_come_cheapest_first_with_the_age_of_the_price(call: Call) -> None:
    words = ("8b", "--parameters", "8.03b", "--context", "16k", "--market", "on-demand")
    found = answer(call, *words, "--limit", "100")
    prices = [row["usd_per_hour"] for row in found["machines"] if row["usd_per_hour"] is not None]
    assert len(prices) > 10
    assert prices == sorted(prices)
    first = found["machines"][0]
    assert (first["type"], first["verdict"]) == ("g6.xlarge", "TIGHT")
    assert first["why"].startswith("tight, ")
    easy = next(row["type"] for row in found["machines"] if row["verdict"] == "FITS")
    assert found["reason"].endswith(f"The cheapest that is not tight is {easy}.")
    assert "2026-11-20" in found["price_source"]
    assert found["price_read_days_ago"] >= 0
    assert not {"g6f.large", "p3dn.24xlarge"} & {row["type"] for row in found["machines"]}
    here = answer(call, *words, "--region", "eu-west-1")["machines"]
    assert {row["region"] for row in here} == {"eu-west-1"}


def test_a_newer_price_that_a_feed_brought_counts_and_says_where_it_is_from(call: Call, tmp_path: Path) -> None:
    words = ("8b", "--parameters", "8.03b", "--market", "on-demand")
    before = answer(call, *words)["machines"]
    told = ListedOffer(
        cloud="aws", region="eu-west-1", machine_type=before[-1]["type"], gpu_name="A10G", gpu_count=1,
        gpu_memory_mib=22_888, vcpu_count=4, memory_mib=16_384, on_demand_usd_per_hour=Decimal("0.07"),
        spot_usd_per_hour=None, source="a feed of the test", read_at=datetime.now(UTC), is_dated=True,
    )  # fmt: skip
    cache = places_from({"HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home")}).cache
    write_feed(cache, FeedState(feed="aws", offers=1), table_of([told]))
    merge_feeds(cache)
    found = answer(call, *words, "--limit", "1")
    first = found["machines"][0]
    assert (first["type"], first["region"], first["usd_per_hour"]) == (told.machine_type, "eu-west-1", 0.07)
    assert (first["source"], first["read_days_ago"]) == ("a feed of the test", 0)
    assert (found["price_source"], found["price_read_days_ago"]) == ("a feed of the test", 0)


def test_nothing_that_fits_is_1_and_says_what_the_largest_lacks(call: Call) -> None:
    found = answer(call, "8b", "--parameters", "2t", code=1)
    assert (found["verdict"], found["machines"]) == ("NO", [])
    assert "p6-b300.48xlarge" in found["reason"]


def test_a_gguf_file_counts_its_own_bytes_under_llama_cpp(call: Call, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf", llama_entries(), tail=5000)
    for words in (("model.gguf",), ("--gguf", "model.gguf")):
        found = answer(call, *words, "--gpu", "A10G", "--kv-dtype", "q8_0", "--context", "1024")
        assert (found["engine"], found["weights_bytes"]) == ("llamacpp", path.stat().st_size)
        assert found["kv_cache_bytes"] == 1024 * 32 * 8 * 256 * 34 // 32


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--gpu", "A100"), 2, "40,960 or 81,920 MiB"),
        (("--gpu", "Z9"), 3, "The memory of “Z9” is not known"),
        (("--gpu", "g5.xlarge", "--gpu-count", "2"), 2, "g5.xlarge has 1 GPU"),
        (("--gpu", "A10G", "--gpu-memory-mib", "5"), 2, "both say which GPU"),
        (("--gpu-count", "2"), 2, "not named"),
        (("--gguf", "model.gguf"), 2, "More than one model"),
        (("--gpu", "A10G", "--engine", "ollama", "--kv-dtype", "fp8"), 2, "ollama keeps no fp8 cache"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(call: Call, words: tuple[str, ...], code: int, said: str) -> None:
    found = call("8b", *words)
    assert found[0] == code
    assert said in found[2]


def test_a_table_is_for_people(call: Call) -> None:
    code, out, _ = call("8b", "--parameters", "8.03b")
    assert code == 0
    assert "TYPE" in out
    assert "WHY" in out
    assert "price date unknown" in out
