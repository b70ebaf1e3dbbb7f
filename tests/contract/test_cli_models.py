"""Models from the command line: shipped ones without a network, the hub's in pages, and one with all that is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cli_world import Cli, as_words, cli_for
from tests.contract.hub_world import OTHER, TOKEN, Content, HubWorld, Large, hub_world
from tests.unit.gguf_writer import gguf_bytes, llama_entries

GIB = 1 << 30
OWN = "org/Own-8B"
LLAMA = {
    "model_type": "llama", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "hidden_size": 4096, "max_position_embeddings": 131072, "torch_dtype": "bfloat16",
}  # fmt: skip
README = (
    "---\nlicense: mit\n---\n# Own\n\nOwn is a model that was made for this test and says what it is asked to say.\n"
)
HEADER = gguf_bytes(llama_entries())
CHAT = {"architectures": ["LlamaForCausalLM"], "tokenizer_config": {"chat_template": "{{ x }}"}}


@pytest.fixture
def world() -> Iterator[HubWorld]:
    with hub_world() as made:
        parts: dict[str, Content] = {
            f"model-{part:05d}-of-00004.safetensors": Large(4_015_131_000) for part in range(1, 5)
        }
        made.add(OWN, {"README.md": README.encode(), "config.json": json.dumps(LLAMA).encode(), **parts},
                 pipeline_tag="text-generation", library_name="transformers", tags=["license:mit", "safetensors"],
                 downloads=120, likes=5, trendingScore=9, config=CHAT, cardData={"license": "mit"},
                 safetensors={"parameters": {"BF16": 8_030_261_248}, "total": 8_030_261_248})  # fmt: skip
        made.add("org/Own-8B-GGUF", {"own-Q4_K_M.gguf": HEADER, "own-Q8_0.gguf": Large(8_500_000_000, HEADER)},
                 tags=["gguf", "license:mit"], downloads=80, trendingScore=8,
                 gguf={"total": 8_030_261_248, "architecture": "llama", "context_length": 131072})  # fmt: skip
        made.add("org/locked", {"config.json": json.dumps(LLAMA).encode(), "model.safetensors": Large(16_060_000_000)},
                 gated="manual", pipeline_tag="text-generation", downloads=70, trendingScore=7)  # fmt: skip
        yield made


@pytest.fixture
def cli(
    tmp_path: Path, world: HubWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    with cli_for(tmp_path, {"HF_ENDPOINT": world.url}, monkeypatch, capsys) as made:
        yield made


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """A fresh machine that never saw the hub."""
    with cli_for(tmp_path, {"HF_HUB_OFFLINE": "1"}, monkeypatch, capsys) as made:
        yield made


def test_popular_models_need_no_network_and_say_where_figures_are_from(offline: Cli) -> None:
    rows = offline.json("model", "popular")
    found = {row["curated_name"]: row for row in rows}
    llama = found["llama-3.1-8b"]
    assert (llama["id"], llama["ollama"]) == ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1:8b")
    assert (llama["parameters"], llama["size_bytes"]) == (8_030_261_248, 16_060_522_496)
    assert (llama["source"], llama["read_at"]) == ("shipped", "2026-11-21T00:00:00Z")
    assert "model_preset.py" in llama["source_note"]
    assert 19 * GIB < llama["vram_bytes"] < 21 * GIB
    assert llama["vram_basis"] == "vllm, 8,192 tokens, one sequence, on one GPU"
    assert (llama["downloads"], llama["updated_at"]) == (None, None)
    assert (found["sdxl"]["vram_bytes"], found["sdxl"]["vram_basis"]) == (None, None)
    assert found["bge-m3"]["vram_bytes"] < 4 * GIB
    assert {row["purpose"] for row in offline.json("model", "popular", "--purpose", "code")} == {"code"}


def test_offline_from_the_start_says_so_and_what_ships_is_still_shown(offline: Cli) -> None:
    for words in (["trending"], ["search", "llama"], ["show", "org/unknown"]):
        answer = offline("model", *words, "-o", "json")
        assert (answer.code, answer.error["error"]) == (5, "Unreachable")
        assert "HF_HUB_OFFLINE" in answer.error["message"]
    page = offline.json("model", "show", "llama-3.1-70b")
    assert (page["source"], page["access"]["needed"]) == ("shipped", True)
    assert "HF_HUB_OFFLINE" in page["problem"]
    assert [each["framework"] for each in page["advice"]] == ["vllm", "sglang", "tgi", "ollama"]
    fit = offline.json("model", "fit", "llama3.1:8b", "--gpu", "g5.xlarge", "--context", "8k")
    assert fit["verdict"] in {"FITS", "TIGHT"}
    assert offline.json("model", "fit", "qwen2.5-72b", "--gpu", "g5.xlarge", code=1)["verdict"] == "NO"


def test_trending_and_search_are_pages_of_the_hub(cli: Cli, world: HubWorld) -> None:
    rows = cli.json("model", "trending")
    assert as_words(rows, "id") == [OWN, "org/Own-8B-GGUF", "org/locked"]
    assert [row["format"] for row in rows] == ["safetensors", "gguf", None]
    assert [row["size_bytes"] for row in rows] == [16_060_522_496, None, None]
    assert [row["gated"] for row in rows] == ["no", "no", "manual"]
    assert {row["source"] for row in rows} == {"hub"}
    first = cli.json("model", "search", "own", "--limit", "1")
    assert (as_words(first, "id"), first[0]["next_cursor"] is None) == ([OWN], False)
    second = cli.json("model", "search", "own", "--limit", "1", "--cursor", first[0]["next_cursor"])
    assert (as_words(second, "id"), second[0]["next_cursor"]) == (["org/Own-8B-GGUF"], None)
    cli.json("model", "search", "--licence", "mit", "--quantisation", "gguf", "--size", "7b-13b", "--gated", "no")
    query = world.asked[-1].query
    assert (query["filter"], query["num_parameters"]) == (["license:mit", "gguf"], ["min:7B,max:13B"])
    assert query["sort"] == ["trendingScore"]


def test_a_list_tells_the_memory_only_where_it_tells_enough(cli: Cli, world: HubWorld) -> None:
    stored = {"parameters": {"F32": 300_000_000}, "total": 300_000_000}
    world.add("org/embedder", pipeline_tag="sentence-similarity", downloads=1, safetensors=stored)
    world.add("org/packed", pipeline_tag="text-generation", downloads=0, tags=["awq"],
              safetensors={"parameters": {"I32": 500, "F16": 100}, "total": 600})  # fmt: skip
    rows = {row["id"]: row for row in cli.json("model", "search", "--author", "org", "--sort", "downloads")}
    assert (rows["org/embedder"]["size_bytes"], rows["org/embedder"]["vram_basis"]) == (
        1_200_000_000,
        "tei, on one GPU",
    )
    assert 1_200_000_000 + GIB < rows["org/embedder"]["vram_bytes"] < 1_200_000_000 + 2 * GIB
    assert rows[OWN]["vram_bytes"] is None
    packed = rows["org/packed"]
    assert (packed["size_bytes"], packed["parameters"], packed["quantisations"]) == (2200, None, ["awq"])


@pytest.mark.parametrize(
    "words", [["--size", "big"], ["--gated", "perhaps"], ["--sort", "beauty"], ["--limit", "1000"]]
)
def test_a_filter_that_is_none_is_refused_before_anything_is_asked(cli: Cli, world: HubWorld, words: list[str]) -> None:
    assert cli("model", "search", "x", *words).code == 2
    assert world.asked == []


def test_a_model_is_shown_with_all_that_is_known(cli: Cli) -> None:
    page = cli.json("model", "show", OWN)
    assert page["description"].startswith("Own is a model that was made for this test")
    assert (page["licence"], page["chat_template"], page["context_length"]) == ("mit", True, 131072)
    assert (page["size_bytes"], page["file_count"]) == (4 * 4_015_131_000, 6)
    assert 19 * GIB < page["vram_bytes"] < 21 * GIB
    assert page["access"] == {"needed": False, "granted": None, "how": None, "url": page["access"]["url"]}
    assert [each["framework"] for each in page["advice"]] == ["vllm", "sglang", "tgi"]
    assert page["missing"] == []


def test_quantised_variants_differ_in_their_weights_alone(cli: Cli) -> None:
    page = cli.json("model", "show", "org/Own-8B-GGUF")
    assert [(each["name"], each["format"]) for each in page["variants"]] == [("Q4_K_M", "gguf"), ("Q8_0", "gguf")]
    small, large = (each["vram_bytes"] for each in page["variants"])
    assert large - small == 8_500_000_000 - page["variants"][0]["size_bytes"]
    assert (page["variant"], page["vram_bytes"]) == ("Q4_K_M", small)
    assert [each["model"] for each in page["advice"]] == ["org/Own-8B-GGUF:Q4_K_M", "hf.co/org/Own-8B-GGUF:Q4_K_M"]
    assert cli("model", "show", "org/Own-8B-GGUF", "--variant", "Q2_K").code == 2


def test_of_several_models_in_one_repository_each_has_its_own_shape(cli: Cli, world: HubWorld) -> None:
    small = json.dumps({**LLAMA, "num_hidden_layers": 16}).encode()
    files: dict[str, Content] = {
        "large/config.json": json.dumps(LLAMA).encode(),
        "large/model.safetensors": Large(16 * 10**9),
        "small/config.json": small,
        "small/model.safetensors": Large(16 * 10**9),
        **{f"gguf/m-BF16-{part:05d}-of-00003.gguf": Large(5 * 10**9, HEADER) for part in (1, 2, 3)},
    }
    world.add("org/several", files, pipeline_tag="text-generation")
    page = cli.json("model", "show", "org/several")
    assert [(each["name"], each["size_bytes"]) for each in page["variants"]] == [
        ("large", 16 * 10**9), ("small", 16 * 10**9), ("BF16", 15 * 10**9),
    ]  # fmt: skip
    needed = {
        named: cli.json("model", "show", "org/several", "--variant", named)["vram_bytes"]
        for named in ("large", "small", "bf16")
    }
    assert needed["small"] < needed["large"] == page["vram_bytes"]
    assert 15 * 10**9 < needed["bf16"] < needed["small"]


@pytest.mark.parametrize(
    ("token", "granted", "words"),
    [(None, False, "Ask for access"), (OTHER, False, "Ask for access"), (TOKEN, True, "opens it")],
)
def test_a_gated_model_says_how_it_is_come_by(
    cli: Cli, world: HubWorld, token: str | None, granted: bool, words: str
) -> None:
    world.let_in.add((TOKEN, "org/locked"))
    if token is not None:
        cli.environment["HF_TOKEN"] = token
    page = cli.json("model", "show", "org/locked")
    assert (page["access"]["needed"], page["access"]["granted"]) == (True, granted)
    assert words in page["access"]["how"]
    assert (page["vram_bytes"] is None) is (not granted)
    assert any("gated" in each for each in page["missing"]) is (not granted)
    assert "PLANTED" not in json.dumps(page)


def test_of_a_gated_model_that_ships_the_shape_is_known_all_the_same(cli: Cli, world: HubWorld) -> None:
    parts: dict[str, Content] = {"config.json": b"{}", "model.safetensors": Large(16_060_522_496)}
    world.add("meta-llama/Llama-3.1-8B-Instruct", parts, gated="manual", pipeline_tag="text-generation")
    page = cli.json("model", "show", "llama-3.1-8b")
    assert (page["source"], page["access"]["granted"], page["missing"]) == ("hub", False, [])
    assert 19 * GIB < page["vram_bytes"] < 21 * GIB


def test_a_variant_of_a_gated_model_that_ships_is_judged_by_that_shape_and_its_own_files(
    cli: Cli, world: HubWorld
) -> None:
    gated = "meta-llama/Llama-3.1-8B-Instruct"
    files: dict[str, Content] = {
        "config.json": b"{}",
        "model.safetensors": Large(16_060_522_496),
        "other/config.json": b"{}",
        "other/model.safetensors": Large(10**9),
        "own-Q8_0.gguf": Large(8_540_000_000, HEADER),
    }
    world.add(gated, files, gated="manual", pipeline_tag="text-generation")
    for variant, size, engine in (("safetensors", 16_060_522_496, "vllm"), ("Q8_0", 8_540_000_000, "llamacpp")):
        found = cli.json("model", "fit", gated, "--variant", variant, "--gpu", "48G")
        assert (found["verdict"], found["weights_bytes"], found["engine"]) == ("FITS", size, engine)
        assert found["model_context"] == 131072
        places = cli.json("model", "places", gated, "--variant", variant, "--engine", engine)
        assert {"FITS", "NO"} <= {each["verdict"] for each in places} <= {"FITS", "TIGHT", "NO"}
    other = cli("model", "fit", gated, "--variant", "other", "--gpu", "48G", "-o", "json")
    assert (other.code, other.data["verdict"]) == (1, "UNKNOWN")
    assert "gated" in other.data["reason"]


def test_a_shipped_quantised_variant_is_judged_by_the_files_of_its_own_repository(cli: Cli, world: HubWorld) -> None:
    quantised = "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4"
    world.add(quantised, {"config.json": b"{}", "model.safetensors": Large(5_736_000_000)}, gated="auto")
    found = cli.json("model", "fit", quantised, "--variant", "safetensors", "--gpu", "24G")
    assert (found["verdict"], found["weights_bytes"]) == ("FITS", 5_736_000_000)


_AWQ = {"quantization_config": {"quant_method": "awq", "bits": 4}}


@pytest.mark.parametrize(
    ("repository", "info", "config", "told"),
    [
        ("org/plain-1", {"config": _AWQ}, LLAMA, "awq"),
        ("org/plain-2", {"tags": ["gptq"]}, LLAMA, "gptq"),
        ("org/plain-3", {}, LLAMA | _AWQ, "awq"),
        ("org/plain-4", {}, LLAMA | {"quantization_config": {"bits": 3}}, "3-bit"),
        ("org/Own-7B-Instruct-GPTQ-Int4", {}, LLAMA, "gptq"),
        ("org/Own-7B-Instruct-AWQ", {"config": {"quantization_config": {"quant_method": "fp8"}}}, LLAMA, "fp8"),
        ("org/Hawq-7B", {}, LLAMA, None),
    ],
)
def test_a_quantised_repository_names_its_quantisation(
    cli: Cli, world: HubWorld, repository: str, info: dict[str, Any], config: dict[str, Any], told: str | None
) -> None:
    files: dict[str, Content] = {
        "config.json": json.dumps(config).encode(),
        "model.safetensors": Large(5_500_000_000),
        "own-Q8_0.gguf": Large(8_500_000_000, HEADER),
        "small/config.json": json.dumps(LLAMA).encode(),
        "small/model.safetensors": Large(10**9),
    }
    world.add(repository, files, pipeline_tag="text-generation", **info)
    page = cli.json("model", "show", repository)
    rows = [(each["name"], each["quantisation"]) for each in page["variants"]]
    assert rows == [("safetensors", told), ("small", None), ("Q8_0", "Q8_0")]
    assert page["quantisation"] == told
    beside = cli.json("model", "show", repository, "--variant", "small")
    assert [each["quantisation"] for each in beside["variants"]][1] is None


def test_a_model_of_the_hub_fits_by_its_name(cli: Cli) -> None:
    def fit(*words: str, code: int = 0) -> Any:
        return cli.json("model", "fit", *words, code=code)

    found = fit(OWN, "--gpu", "g5.xlarge", "--context", "16k")
    assert (found["verdict"], found["weights_bytes"]) == ("TIGHT", 4 * 4_015_131_000)
    assert fit("org/Own-8B-GGUF", "--variant", "Q8_0", "--gpu", "24G")["engine"] == "llamacpp"
    refused = cli("model", "fit", "org/locked", "--gpu", "24G", "-o", "json")
    assert (refused.code, refused.data["verdict"]) == (1, "UNKNOWN")
    assert "gated" in refused.data["reason"]
    assert cli("model", "fit", "org/absent", "--gpu", "24G").code == 3


def test_a_config_without_heads_has_no_figure(cli: Cli, world: HubWorld) -> None:
    config = {key: value for key, value in LLAMA.items() if "heads" not in key}
    world.add("org/headless", {"config.json": json.dumps(config).encode(), "model.safetensors": Large(10**9)})
    page = cli.json("model", "show", "org/headless")
    assert page["vram_bytes"] is None
    assert "its number of attention heads (num_attention_heads)" in page["missing"]


def test_a_renamed_model_is_shown_under_its_name_now(cli: Cli, world: HubWorld) -> None:
    world.renamed["old/Name"] = OWN
    page = cli.json("model", "show", "old/Name")
    assert (page["id"], page["renamed_from"]) == (OWN, "old/Name")


def test_what_was_seen_is_shown_with_its_age_when_the_hub_is_down(cli: Cli, world: HubWorld) -> None:
    cli.json("model", "trending")
    cli.json("model", "show", OWN)
    cli.environment["HF_HUB_OFFLINE"] = "1"
    rows = cli.json("model", "trending")
    page = cli.json("model", "show", OWN)
    assert {row["source"] for row in rows} <= {"kept", "hub"}
    assert page["description"] is not None
    assert cli("model", "show", "org/locked").code == 5


def test_doctor_tells_of_the_hub_and_its_token(cli: Cli) -> None:
    def told() -> Any:
        answer = cli("doctor", "-o", "json")
        return next(row for row in answer.data if row["check"] == "model hub")

    assert (told()["verdict"], "no token" in told()["reason"]) == ("ok", True)
    cli.environment["HF_TOKEN"] = TOKEN
    assert "ada's and may read" in told()["reason"]
    cli.environment["HF_TOKEN"] = "hf_STRANGERplantedPLANTEDplanted012"
    assert (told()["verdict"], "does not know" in told()["reason"]) == ("warning", True)
    cli.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert (told()["verdict"], "still shown" in told()["reason"]) == ("warning", True)
    cli.environment["HF_HUB_OFFLINE"] = "1"
    assert (told()["verdict"], "not asked" in told()["reason"]) == ("ok", True)


def test_a_token_that_is_not_sent_over_a_plain_connection_is_said_where_it_is_missed(
    cli: Cli, world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicompute_tui.hub.huggingface.is_plain_address", lambda url: True)
    cli.environment["HF_TOKEN"] = TOKEN
    told = next(row for row in cli("doctor", "-o", "json").data if row["check"] == "model hub")
    unsent = f"Your token is not sent to {world.url}: everybody on the way could read it."
    assert (told["verdict"], unsent in told["reason"], "https" in told["next_step"]) == ("warning", True, True)
    access = cli.json("model", "show", "org/locked")["access"]
    assert (access["granted"], access["how"]) == (
        None,
        f"{unsent} Name the hub with https:// (HF_ENDPOINT, or the setting hub_url).",
    )
    assert unsent.rstrip(".") in cli("model", "fit", "org/locked").out
    assert not any(each.token for each in world.asked)
