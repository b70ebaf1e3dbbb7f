"""The list of token prices that ships is made anew from litellm's map, or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.rebuild_llm_prices import main

HEADER = "kind,model,input_usd,cached_usd,output_usd,most_input_tokens,source,as_of,context_tokens,modalities\n"
Entry = dict[str, object]
CHAT: Entry = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-7,
               "output_cost_per_token": 2e-6}  # fmt: skip


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "llm-prices.csv").write_text(f"{HEADER}openai,old,1,,2,,litellm 1,2026-01-01,,\n", encoding="utf-8")
    return folder


def made(target: Path, entries: dict[str, Entry]) -> tuple[int, list[str], list[dict[str, str]]]:
    recorded, said = target.parent / "map.json", list[str]()
    recorded.write_text(json.dumps(entries), encoding="utf-8")
    words = [str(recorded), "--release", "9.9", "--read-on", "2026-11-22", "--target", str(target)]
    code = main(words, said.append)
    with (target / "llm-prices.csv").open(encoding="utf-8", newline="") as file:
        return code, said, list(csv.DictReader(file))


def line(target: Path, **more: object) -> dict[str, str]:
    code, said, (row,) = made(target, {"gpt-x": {**CHAT, **more}})
    assert code == 0, said
    return row


def test_a_line_holds_what_the_map_tells_and_nothing_else(target: Path) -> None:
    told = line(
        target, cache_read_input_token_cost=2.5e-8, max_input_tokens=272000, input_cost_per_token_above_272k_tokens=1,
        input_cost_per_token_above_128k_tokens_flex=1,
    )  # fmt: skip
    assert told == {
        "kind": "openai", "model": "gpt-x", "input_usd": "0.25", "cached_usd": "0.025", "output_usd": "2",
        "most_input_tokens": "272000", "source": "litellm 9.9", "as_of": "2026-11-22", "context_tokens": "272000",
        "modalities": "",
    }  # fmt: skip
    bare = line(target)
    assert [bare[name] for name in ("cached_usd", "most_input_tokens", "context_tokens", "modalities")] == [""] * 4


@pytest.mark.parametrize(
    ("told", "modalities"),
    [
        ({"supported_modalities": ["image", "text", "pdf"], "supported_output_modalities": ["text"]},
         "text image pdf > text"),
        ({"supported_modalities": ["text"], "supports_vision": True}, "text > text"),
        ({"supports_vision": True, "supports_audio_input": True}, "text image audio > text"),
        ({"supports_vision": False, "supports_pdf_input": True}, "text > text"),
        ({"supports_pdf_input": True, "supports_reasoning": True}, ""),
        ({"mode": "embedding", "output_cost_per_token": 0}, "> embedding"),
        ({"mode": "embedding", "supports_vision": True}, "text image > embedding"),
        ({"supported_output_modalities": ["text", "video"]}, "> text video"),
    ],
)  # fmt: skip
def test_what_goes_in_and_comes_out_is_told_as_far_as_it_is_known(target: Path, told: Entry, modalities: str) -> None:
    assert line(target, **told)["modalities"] == modalities


def test_what_embeds_has_no_price_for_text_and_a_free_answer_is_free(target: Path) -> None:
    assert line(target, mode="rerank", output_cost_per_token=0)["output_usd"] == ""
    assert line(target, output_cost_per_token=0)["output_usd"] == "0"


def test_only_models_that_could_be_asked_by_the_token_are_listed(target: Path) -> None:
    together: Entry = {**CHAT, "litellm_provider": "together_ai"}
    code, said, rows = made(
        target,
        {
            "sample_spec": {"mode": "one of: chat, embedding"},
            "gpt-x": CHAT,
            "openai/gpt-x": CHAT,
            "together_ai/org/model": together,
            "together-ai-4.1b-8b": together,
            "together-ai-embedding-151m-to-350m": {**together, "mode": "embedding"},
            "together-ai-up-to-4b": together,
            "ft:gpt-x": CHAT,
            "gpt-old": {**CHAT, "deprecation_date": "2026-11-22"},
            "gpt-soon": {**CHAT, "deprecation_date": "2026-11-23"},
            "gpt-zero": {**CHAT, "input_cost_per_token": 0},
            "gpt-none": {**CHAT, "output_cost_per_token": None},
            "gpt-x-search-preview": CHAT,
            "gpt-voice": {**CHAT, "output_cost_per_audio_token": 1e-5},
            "dall-e": {**CHAT, "mode": "image_generation"},
            "azure/gpt-x": {**CHAT, "litellm_provider": "azure"},
        },
    )  # fmt: skip
    assert code == 0
    assert [(row["kind"], row["model"]) for row in rows] == [
        ("openai", "gpt-soon"), ("openai", "gpt-x"), ("together", "org/model")
    ]  # fmt: skip
    assert said == [
        "anthropic: 0 models, 0 before", "gemini: 0 models, 0 before", "groq: 0 models, 0 before",
        "openai: 2 models, 1 before", "together: 1 models, 0 before", "left out: 4 fine-tunes and classes of sizes",
        "left out: 2 priced by more than tokens of text", "left out: 1 retired", "left out: 2 without a price",
    ]  # fmt: skip


BAD: dict[str, tuple[dict[str, Entry], str]] = {
    "negative": ({"gpt-x": {**CHAT, "input_cost_per_token": -1e-6}}, "gpt-x would cost -1 USD"),
    "told per million": ({"gpt-x": {**CHAT, "output_cost_per_token": 2}}, "gpt-x would cost 2000000 USD"),
    "two prices": ({"gpt-x": CHAT, "openai/gpt-x": {**CHAT, "output_cost_per_token": 1e-6}}, "stands in the map twice"),
    "an unknown kind": ({"gpt-x": {**CHAT, "supported_modalities": ["smell"]}}, "“smell” is no known kind"),
    "nothing left": ({}, "openai has only 0 models, where it had 1."),
    "a wrong day": ({"gpt-x": {**CHAT, "deprecation_date": "soon"}}, "gpt-x ends on “soon”"),
}


@pytest.mark.parametrize("how", BAD)
def test_a_map_that_fails_a_check_changes_nothing_at_all(target: Path, how: str) -> None:
    entries, words = BAD[how]
    before = (target / "llm-prices.csv").read_bytes()
    code, said, _ = made(target, entries)
    assert code == 1
    assert words in said[0]
    assert said[0].endswith("Nothing was written.")
    assert (target / "llm-prices.csv").read_bytes() == before
