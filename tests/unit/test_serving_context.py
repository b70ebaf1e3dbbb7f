"""The context of a model server: as it is written, judged for, told to the machine or container, and kept."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from aicompute_tui.domain.errors import InvalidInput, Unreachable
from aicompute_tui.domain.launch import LaunchPlace
from aicompute_tui.domain.serving_context import ALL_TOKENS, context_variables, context_words, parse_context
from aicompute_tui.services import fit_check, serving_context
from aicompute_tui.services.launch_order import order, plan_again
from aicompute_tui.services.user_data import NodeOrder, node_conf
from tests.unit.fake_cloud import Bench, at

__all__ = ["at"]

SMALL = "meta-llama/Llama-3.1-8B-Instruct"
SHORT = "llava-hf/llava-1.5-7b-hf"


@pytest.mark.parametrize(
    ("written", "tokens"),
    [("8192", 8192), ("8k", 8192), ("32K", 32_768), ("131,072", 131_072), ("none", ALL_TOKENS), ("256", 256)],
)
def test_a_context_is_written_like_any_count_of_tokens(written: str, tokens: int) -> None:
    assert parse_context(written) == tokens


@pytest.mark.parametrize("written", ["255", "10000001", "0", "-1", "8k; reboot", "$(id)", "8192'", "nothing", "1e4"])
def test_what_is_no_context_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        parse_context(written)


@pytest.mark.parametrize(
    ("framework", "words"),
    [
        ("vllm", ("--max-model-len", "8192")),
        ("tgi", ("--max-total-tokens", "8192", "--max-input-tokens", "8191")),
        ("sglang", ("--context-length", "8192")),
        ("llamacpp", ("-c", "8192")),
        ("ollama", ()),
        ("tei", ()),
    ],
)
def test_each_server_is_told_in_its_own_words_and_nothing_where_it_takes_all(
    framework: str, words: tuple[str, ...]
) -> None:
    assert context_words(framework, 8192) == words
    assert context_words(framework, ALL_TOKENS) == ()
    assert context_words(framework, None) == ()


def test_ollama_is_told_by_a_variable_and_caps_what_no_model_has() -> None:
    assert context_variables("ollama", 8192) == (("OLLAMA_CONTEXT_LENGTH", "8192"),)
    assert context_variables("ollama", ALL_TOKENS) == (("OLLAMA_CONTEXT_LENGTH", "10000000"),)
    assert context_variables("vllm", 8192) == ()


@pytest.mark.parametrize(
    ("framework", "tokens", "line"),
    [("vllm", 8192, "8192"), ("vllm", 0, ""), ("vllm", None, ""), ("none", 8192, ""), ("ollama", 0, "10000000")],
)
def test_a_machine_reads_it_as_a_number_or_nothing(framework: str, tokens: int | None, line: str) -> None:
    assert f"\ncontext='{line}'\n" in node_conf(NodeOrder(framework=framework, context=tokens))


# -- a launch


def conf(at: Bench, number: int = -1) -> str:
    text = gzip.decompress(at.cloud.orders[number].user_data).decode()
    return next(line for line in text.splitlines() if line.startswith("context="))


async def judged(at: Bench, model: str = SMALL, framework: str = "vllm", **arguments: Any) -> Any:
    return await at.query("instance.preflight", type="g5.xlarge", framework=framework, model=[model], **arguments)


@pytest.mark.asyncio
async def test_the_verdict_is_made_for_what_the_server_is_told(at: Bench) -> None:
    usual, longer, all_of_it = await judged(at), await judged(at, context="32k"), await judged(at, context="none")
    assert [each["spec"]["context"] for each in (usual, longer, all_of_it)] == ["8192", "32768", "none"]
    assert [each["fit"]["verdict"] for each in (usual, longer, all_of_it)] == ["TIGHT", "NO", "NO"]
    assert "at 32k context" in longer["fit"]["reason"]
    assert "at 128k context" in all_of_it["fit"]["reason"]
    check = next(each for each in longer["checks"] if each["name"] == "fit")
    assert check["next_step"].startswith("Give a shorter --context, 19k at most. Or choose a machine")
    for arguments, told in (({}, "8192"), ({"context": "32k"}, "32768"), ({"context": "none"}, "")):
        await at.job("instance.launch", type="g5.xlarge", framework="vllm", model=[SMALL], **arguments)
        assert conf(at) == f"context='{told}'"


@pytest.mark.asyncio
async def test_a_model_with_less_than_is_usual_is_told_its_own_and_no_more_is_promised(at: Bench) -> None:
    assert (await judged(at, SHORT))["spec"]["context"] == "4096"
    await at.job("instance.launch", type="g5.xlarge", framework="vllm", model=[SHORT])
    assert conf(at) == "context='4096'"
    longer = await judged(at, SHORT, context="8k")
    check = next(each for each in longer["checks"] if each["name"] == "fit")
    assert (longer["fit"]["verdict"], check["verdict"]) == ("NO", "warning")
    assert check["reason"] == "was made for 4k context, less than the 8k asked for"
    assert "--context" in check["next_step"]
    assert (await judged(at, SHORT, "llamacpp", context="8k"))["fit"]["verdict"] == "FITS"
    capped = await judged(at, SHORT, "ollama", context="8k")
    assert next(each for each in capped["checks"] if each["name"] == "fit")["verdict"] == "ok"


@pytest.mark.asyncio
async def test_where_the_hub_tells_nothing_the_usual_context_is_told(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> None:
        raise Unreachable("The hub does not answer.", "Look later.")

    for place in (serving_context, fit_check):
        monkeypatch.setattr(place, "served_shape", silent)
    assert (await judged(at, "someone/else"))["spec"]["context"] == "8192"
    await at.job("instance.launch", framework="vllm", model=["someone/else"])
    assert conf(at) == "context='8192'"


@pytest.mark.asyncio
@pytest.mark.parametrize("written", ["12", "8k; reboot", "20m"])
async def test_what_is_no_context_launches_nothing(at: Bench, written: str) -> None:
    with pytest.raises(InvalidInput):
        await at.job("instance.launch", framework="vllm", model=[SMALL], context=written)
    assert at.cloud.orders == []


@pytest.mark.asyncio
async def test_a_template_keeps_no_context_that_its_server_would_not_be_told(at: Bench) -> None:
    with pytest.raises(InvalidInput, match="takes no --context"):
        await at.job("template.save", name="embeds", framework="tei", model=[SMALL], context="8k")
    assert await at.query("template.list") == []


@pytest.mark.asyncio
async def test_templates_and_machines_keep_it_and_a_launch_taken_up_again_sends_it(at: Bench) -> None:
    await at.job("template.save", name="long", framework="vllm", model=[SMALL], context="16k")
    await at.job("instance.launch", template="long", name="one")
    await at.job("instance.launch", like="one", name="two")
    await at.job("instance.relaunch", name="two")
    assert [conf(at, number) for number in range(3)] == ["context='16384'"] * 3
    shown = await at.query("instance.show", name="two")
    assert shown["launch"]["context"] == "16384"
    assert (await at.query("instance.preflight", like="one", context="none"))["spec"]["context"] == "none"
    async with at.context.store.read() as transaction:
        row = await transaction.instances.find("one")
        [attempt] = await transaction.attempts.list(row.id)
    plan = await plan_again(at.context, at.cloud, json.loads(row.spec_json))
    again = order(at.context.store.store_id, row, plan, LaunchPlace(zone=row.zone), attempt, "sg-1", None)
    assert again.user_data == at.cloud.orders[0].user_data


@pytest.mark.asyncio
@pytest.mark.parametrize("arguments", [{}, {"framework": "comfyui"}, {"framework": "none", "context": "none"}])
async def test_a_machine_that_serves_nothing_is_told_none(at: Bench, arguments: dict[str, str]) -> None:
    assert (await at.query("instance.preflight", **arguments))["spec"]["context"] is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("framework", "called"),
    [
        ("tei", "TEI embedding"),
        ("comfyui", "ComfyUI"),
        ("mlflow", "mlflow"),
        ("none", "A machine without a model server"),
    ],
)
async def test_a_context_that_nobody_would_be_told_is_refused_before_a_cloud_is_asked(
    at: Bench, monkeypatch: pytest.MonkeyPatch, framework: str, called: str
) -> None:
    async def asked(*_: object) -> None:
        raise AssertionError("nothing may be asked of a cloud")

    monkeypatch.setattr(at.context.clouds, "resolve", asked)
    monkeypatch.setattr(at.context.clouds, "cloud", asked)
    for ask in (at.query("instance.preflight", framework=framework, context="8k"),
                at.job("instance.launch", framework=framework, context="8k")):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            await ask
        assert refused.value.message == f"{called} takes no --context."
        assert (
            refused.value.next_step == "Leave it out, or choose a server that takes one: vllm, tgi, llamacpp, ollama."
        )


@pytest.mark.asyncio
async def test_a_templates_context_is_left_aside_with_its_server(at: Bench) -> None:
    await at.job("template.save", name="long", framework="vllm", model=[SMALL], context="16k")
    assert (await at.query("instance.preflight", template="long", framework="tei"))["spec"]["context"] is None


@pytest.mark.asyncio
async def test_a_recommendation_says_the_context_it_was_made_for(at: Bench) -> None:
    answer = await at.query("model.recommend", model=["llama-3.1-8b"], context="32k", limit=2)
    assert {row["context"] for row in answer["offers"]} == {32_768}
