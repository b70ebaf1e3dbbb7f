"""Before a launch: whether the model fits on the machine, what is cheaper, and how often spot is taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.offer import PriceQuote
from aicompute_tui.services import fit_check
from tests.unit.fake_cloud import START, Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio

SMALL, LARGE = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-70B-Instruct"


async def preflight(at: Bench, **arguments: Any) -> Any:
    return await at.query("instance.preflight", type="g5.xlarge", **arguments)


def fit_of(answer: Any) -> Any:
    return next((check for check in answer["checks"] if check["name"] == "fit"), None)


async def test_a_model_that_fits_is_all_right_with_its_longest_context(at: Bench) -> None:
    answer = await preflight(at, framework="vllm", model=["Qwen/Qwen2.5-7B-Instruct"])
    found = fit_of(answer)
    assert found["verdict"] == "ok"
    assert found["reason"] == "Qwen2.5-7B-Instruct bf16 on 1 × A10G: FITS, up to 32k context"
    assert (answer["fit"]["verdict"], answer["fit"]["max_context"]) == ("FITS", 32_768)


async def test_one_that_fits_tightly_is_warned_of_with_the_longest_context_that_does(at: Bench) -> None:
    answer = await preflight(at, framework="vllm", model=[SMALL])
    assert (fit_of(answer)["verdict"], answer["fit"]["verdict"]) == ("warning", "TIGHT")
    assert 19 * 1024 <= answer["fit"]["max_context"] < 20 * 1024
    assert answer["fit"]["line"].startswith("Llama-3.1-8B-Instruct bf16 on 1 × A10G: TIGHT, up to 19k context")
    assert fit_of(answer)["reason"] == "takes 18.7 GiB of 20.1 GiB at 8k context, 19k at most"


async def test_one_that_does_not_is_warned_of_with_what_it_needs_and_launched_all_the_same(at: Bench) -> None:
    answer = await preflight(at, framework="vllm", model=[LARGE])
    found = fit_of(answer)
    assert (found["verdict"], answer["fit"]["verdict"], answer["can_launch"]) == ("warning", "NO", True)
    assert "on the GPU at 8k context, of the 20.1 GiB that vllm may take" in found["reason"]
    assert "fewer bits" in found["next_step"]
    await at.job("instance.launch", type="g5.xlarge", framework="vllm", model=[LARGE])
    assert len(at.cloud.orders) == 1


async def test_a_tag_of_ollama_is_judged_as_what_its_library_holds(at: Bench) -> None:
    answer = await preflight(at, framework="ollama", model=["llama3.1:8b"])
    assert fit_of(answer)["reason"].startswith("llama3.1:8b q4_k_m on 1 × A10G: FITS")


async def test_of_several_models_the_one_that_fits_worst_is_told(at: Bench) -> None:
    answer = await preflight(at, framework="ollama", model=["llama3.1:8b", "llama3.1:70b"])
    assert answer["fit"]["verdict"] == "NO"
    assert answer["fit"]["line"].startswith("llama3.1:70b")


async def test_a_hub_that_does_not_answer_leaves_it_unknown_and_says_why(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> None:
        raise Unreachable("The hub does not answer.", "Look later.")

    monkeypatch.setattr(fit_check, "served_shape", silent)
    answer = await preflight(at, framework="vllm", model=["someone/else"])
    assert (fit_of(answer)["verdict"], answer["can_launch"]) == ("unknown", True)
    assert "The hub does not answer." in fit_of(answer)["reason"]


@pytest.mark.parametrize("arguments", [{"framework": "none"}, {"framework": "ollama"}, {"framework": "comfyui"}])
async def test_where_no_model_is_served_nothing_is_said_of_a_fit(at: Bench, arguments: dict[str, str]) -> None:
    answer = await preflight(at, **arguments)
    assert fit_of(answer) is None
    assert answer["fit"] is None


async def test_what_is_cheaper_fits_too_and_stands_with_the_age_of_its_price(at: Bench) -> None:
    at.cloud.quote = PriceQuote(usd_per_hour=Decimal("0.60"), source="spot history", as_of=START)
    answer = await preflight(at, framework="vllm", model=[SMALL])
    cheaper = answer["alternatives"]
    assert 1 <= len(cheaper) <= 3
    prices = [row["usd_per_hour"] for row in cheaper]
    assert prices == sorted(prices)
    assert prices[-1] < 0.60
    for row in cheaper:
        assert (row["type"], row["region"]) != ("g5.xlarge", "ca-central-1")
        assert row["verdict"] in ("FITS", "TIGHT")
        assert row["market"] == "spot"
        assert row["source"]
        assert row["read_days_ago"] >= 0
    assert any(row["region"] == "ca-central-1" for row in cheaper)


async def test_without_a_model_the_same_machine_elsewhere_is_what_is_cheaper(at: Bench) -> None:
    at.cloud.quote = PriceQuote(usd_per_hour=Decimal("0.60"), source="spot history", as_of=START)
    cheaper = (await preflight(at, framework="none"))["alternatives"]
    assert cheaper
    assert {row["type"] for row in cheaper} == {"g5.xlarge"}
    at.cloud.quote = PriceQuote(usd_per_hour=Decimal("0.01"), source="spot history", as_of=START)
    assert (await preflight(at, framework="none"))["alternatives"] == []
    at.cloud.quote = None
    assert (await preflight(at, framework="none"))["alternatives"] == []


async def test_how_often_spot_is_taken_back_is_unknown_until_it_is_told_and_nothing_for_on_demand(at: Bench) -> None:
    assert (await preflight(at, framework="none"))["interruption"] == {"band": None, "index": None}
    assert (await preflight(at, framework="none", market="on-demand"))["interruption"] is None
