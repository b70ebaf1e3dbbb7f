"""The context of a container's model server: told by the option, in words of one's own, and what the fit then says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from aicompute_tui.domain.container import Container, ContainerState, GpuRequest
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.host import HostFacts
from aicompute_tui.hosts.base import Finished
from aicompute_tui.services import deploy_plan
from aicompute_tui.services.deploy_context import deployment_context, judged_context
from aicompute_tui.services.deploy_plan import plan, plan_of
from tests.unit.test_deploy import Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio

SMALL = "meta-llama/Llama-3.1-8B-Instruct"


async def planned(at: Bench, **arguments: Any) -> Any:
    return await plan_of(at.context, {"host": "box", "model": [SMALL], **arguments})


async def test_each_server_gets_it_in_its_own_words_after_its_model_and_before_ours(at: Bench) -> None:
    for framework, words in {
        "vllm": ("--max-model-len", "16384"),
        "tgi": ("--max-total-tokens", "16384", "--max-input-tokens", "16383"),
        "sglang": ("--context-length", "16384"),
        "llamacpp": ("-c", "16384"),
    }.items():
        made = await planned(at, framework=framework, context="16k", command=["--verbose"])
        assert made.deployment.words[-len(words) - 1 :] == (*words, "--verbose")
    made = await planned(at, framework="ollama", context="16k", env=["A=b"])
    assert made.deployment.environment == (("OLLAMA_CONTEXT_LENGTH", "16384"), ("A", "b"))


async def test_without_a_word_it_is_what_the_fit_is_judged_for_and_none_is_all_of_it(at: Bench) -> None:
    assert (await planned(at, framework="vllm")).deployment.words[-2:] == ("--max-model-len", "8192")
    assert "--max-model-len" not in (await planned(at, framework="vllm", context="none")).deployment.words
    tei = await planned(at, framework="tei")
    assert (tei.context, tei.deployment.environment) == (None, ())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"framework": "vllm", "command": ["--max-model-len", "4096"]}, 4096),
        ({"framework": "vllm", "command": ["--max-model-len=4096"]}, 4096),
        ({"framework": "llamacpp", "command": ["--ctx-size", "4096"]}, 4096),
        ({"framework": "ollama", "env": ["OLLAMA_CONTEXT_LENGTH=4096"]}, 4096),
        ({"framework": "vllm", "command": ["--max-model-len", "auto"]}, None),
    ],
)
async def test_words_of_ones_own_go_before_it_and_are_judged_for(
    at: Bench, arguments: Mapping[str, Any], told: int | None
) -> None:
    framework = CONTAINER_FRAMEWORKS[arguments["framework"]]
    assert await deployment_context(at.context, arguments, framework, [SMALL]) is None
    assert judged_context(arguments, framework, None) == told
    with pytest.raises(InvalidInput, match="both say the context"):
        await deployment_context(at.context, {**arguments, "context": "8k"}, framework, [SMALL])


@pytest.mark.parametrize("arguments", [{"framework": "tei", "model": ["BAAI/bge-m3"]}, {"image": "bb:1", "model": []}])
async def test_what_takes_none_says_so_before_its_host_is_asked(
    at: Bench, monkeypatch: pytest.MonkeyPatch, arguments: Mapping[str, Any]
) -> None:
    monkeypatch.setattr(deploy_plan, "look_at_host", None)
    with pytest.raises(InvalidInput, match="takes no --context") as refused:
        await planned(at, **{**arguments, "context": "8k"})
    servers = "vllm, tgi, sglang, llamacpp, ollama"
    assert refused.value.next_step == f"Leave it out, or choose a server that takes one: {servers}."


async def test_where_none_is_taken_no_limit_is_fine(at: Bench) -> None:
    assert (await planned(at, framework="tei", model=["BAAI/bge-m3"], context="none")).context is None


async def test_the_fit_is_judged_on_gpus_that_only_a_container_inside_names(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def facts() -> HostFacts:
        return HostFacts(engine_version="28", gpus=("nvidia.com/gpu=0",))

    async def execute(container_id: str, command: Sequence[str], *, timeout_seconds: float) -> Finished:
        assert (container_id, command[0]) == ("busy", "nvidia-smi")
        return Finished(0, b"0, GPU-0, 570, 23028, 9, 1, 40, 80, 300, NVIDIA A10G\n", b"")

    monkeypatch.setattr(at.engine, "facts", facts)
    monkeypatch.setattr(at.engine, "execute", execute)
    arguments = {"host": "box", "model": [SMALL], "framework": "vllm"}
    unknown: Any = await plan(at.context, arguments)
    assert unknown["fit"]["verdict"] == "UNKNOWN"
    at.engine.held["busy"] = Container(
        host_id="018f-box",
        id="busy",
        name="busy",
        image="vllm",
        state=ContainerState.RUNNING,
        gpus=GpuRequest(count=-1),
    )
    known: Any = await plan(at.context, arguments)
    assert known["fit"]["verdict"] == "TIGHT"
