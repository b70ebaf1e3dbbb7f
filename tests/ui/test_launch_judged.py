"""What the wizards say of a model's fit, of what is cheaper, and of a machine it does not fit on."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import pytest
from textual.pilot import Pilot

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets import wizard_review
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from tests.ui.deploy_world import LAB, plan, written
from tests.ui.dialog_world import PREFLIGHT, WrittenSession, check, console, shown, until
from tests.ui.test_key_order import burst
from tests.ui.wizard_world import at, checked, one_line, opened, preflights, reviewed

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
LINE = "Llama-3.1-8B-Instruct bf16 on 1 × A10G: TIGHT, up to 19k context"
CHEAPER: list[Json] = [
    {"type": "g6.xlarge", "region": "us-east-2", "gpu_name": "L4", "gpu_count": 1, "market": "spot",
     "usd_per_hour": 0.28, "verdict": "TIGHT", "max_context": 20_100, "source": "a list", "read_days_ago": 1},
    {"type": "g6.2xlarge", "region": "ca-central-1", "gpu_name": "L4", "gpu_count": 1, "market": "spot",
     "usd_per_hour": 0.38, "verdict": "TIGHT", "max_context": 20_100, "source": "a list", "read_days_ago": 1},
]  # fmt: skip


def judged(verdict: str, line: str = LINE) -> JsonObject:
    return {
        **PREFLIGHT, "alternatives": CHEAPER, "interruption": {"band": "5-10%", "index": 1},
        "fit": {"verdict": verdict, "line": line, "room": line.partition(": ")[2], "reason": "",
                "max_context": 19_957, "max_parallel": 2},
        "spec": {"region": "ca-central-1", "ttl": "28800s", "volume_gib": 120, "framework": "vllm", "model": [MODEL]},
    }  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_review_tells_the_fit_the_disk_how_often_spot_ends_and_what_is_cheaper(size: tuple[int, int]) -> None:
    app = console(WrittenSession({"instance.preflight": judged("TIGHT")}))
    async with app.run_test(size=size) as pilot:
        await reviewed(pilot, app)
        text = one_line(app)
        assert "vllm meta-llama/Llama-3.1-8B-Instruct · TIGHT, up to 19k context" in text
        assert "interruptions 5-10% a month" in text
        assert "· 120 GiB disk" in text
        assert "It powers itself off at" in text
        assert "CHEAPER a takes the next" in text
        assert "g6.xlarge in us-east-2 spot $0.28/h TIGHT, up to 19k price 1d old" in text
        assert ("g6.2xlarge" in text) is (size[1] >= 30)
        assert ("1 more" in text) is (size[1] < 30)


@pytest.mark.asyncio
async def test_one_key_takes_the_cheaper_machine_checks_it_and_leads_back() -> None:
    session = WrittenSession({"instance.preflight": judged("TIGHT")})
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await reviewed(pilot, app)
        first = preflights(session)[-1]
        wanted = [("g6.xlarge", "us-east-2"), ("g6.2xlarge", "ca-central-1")]
        for kind, region in wanted:
            await pilot.press("a")
            await asked_about(pilot, session, kind)
            await checked(pilot, wizard)
            assert preflights(session)[-1]["region"] == region
            assert kind in shown(app)
        await pilot.press("a")
        await until(pilot, lambda: preflights(session)[-1] == first)
        await checked(pilot, wizard)
        gate = session.hold("instance.preflight")
        await pilot.press("a", "enter")
        await until(pilot, lambda: "The checks are still running." in one_line(app))
        assert preflights(session)[-1]["type"] == "g6.xlarge"
        assert session.submitted == []
        gate.set()
        await checked(pilot, wizard)


async def asked_about(pilot: Pilot[Any], session: WrittenSession, kind: str) -> None:
    await until(pilot, lambda: preflights(session)[-1].get("type") == kind)


@pytest.mark.asyncio
async def test_where_nothing_is_cheaper_the_key_says_so() -> None:
    session = WrittenSession({"instance.preflight": {**judged("TIGHT"), "alternatives": []}})
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        assert "CHEAPER" not in shown(app)
        asked = len(preflights(session))
        await pilot.press("a")
        await until(pilot, lambda: "No price list has a cheaper machine for this." in shown(app))
        assert len(preflights(session)) == asked


@pytest.mark.asyncio
async def test_a_model_that_does_not_fit_is_launched_by_a_second_press_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(ReviewStep, "_pressed_at", lambda _: now[0])
    monkeypatch.setattr(wizard_review, "monotonic", lambda: now[0])
    session = WrittenSession({"instance.preflight": judged("NO", "Llama-3.1-70B bf16 on 1 × A10G: NO")})
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        for _ in range(8):  # one key held down
            now[0] += 0.3
            await pilot.press("enter")
        await until(pilot, lambda: "Press again to go on all the same." in one_line(app))
        assert "Llama-3.1-70B bf16 on 1 × A10G: NO." in one_line(app)
        assert session.submitted == []
        now[0] += 1.0
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)


@pytest.mark.asyncio
async def test_a_second_press_that_was_read_before_the_doubt_was_told_launches_nothing() -> None:
    session = WrittenSession({"instance.preflight": judged("NO", "Llama-3.1-70B bf16 on 1 × A10G: NO")})
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        first = monotonic()
        burst(app, ["enter"], read_at=first)
        await until(pilot, lambda: "Press again to go on all the same." in one_line(app))
        burst(app, ["enter"], read_at=first + 0.001)
        await pilot.pause()
        assert session.submitted == []
        burst(app, ["enter"], read_at=monotonic() + 1)
        await until(pilot, lambda: session.submitted)


def places(verdicts: Mapping[str, str]) -> list[Json]:
    return [
        {"where": "offer", "cloud": "aws", "name": name, "verdict": verdict, "max_context": 20_480, "why": ""}
        for name, verdict in verdicts.items()
    ]


@pytest.mark.asyncio
async def test_the_machine_step_tells_on_which_types_the_chosen_model_fits_and_finds_them() -> None:
    session = WrittenSession({"model.places": places({"g5.xlarge": "TIGHT", "g5.12xlarge": "FITS"})})
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        wizard = await opened(pilot, app)
        wizard.form = wizard.form.changed("framework", "vllm").changed("model", MODEL)
        await pilot.press("2")
        await at(pilot, app, "machine")
        await until(pilot, lambda: "Llama-3.1-8B-Instruct on 1 × A10G: TIGHT, up to 20k context" in shown(app))
        asked = [arguments for action_id, arguments in session.asked if action_id == "model.places"]
        assert [(each["model"], each["engine"]) for each in asked] == [(MODEL, "vllm")]
        await pilot.press("slash", *"fits", "space", *"llama", "enter")
        await until(pilot, lambda: "1 of 4 types" in shown(app))
        assert "g5.12xlarge" in shown(app)


@pytest.mark.asyncio
async def test_without_a_model_nobody_is_asked_what_fits_and_another_model_is_asked_about_anew() -> None:
    answers: dict[str, Any] = {"model.places": places({"g5.xlarge": "FITS"})}
    session = WrittenSession(answers)
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("2")
        await at(pilot, app, "machine")
        await until(pilot, lambda: "g5.xlarge" in shown(app))
        assert not [each for each in session.asked if each[0] == "model.places"]
        await with_model(wizard, MODEL)
        await pilot.press("1", "2")
        await until(pilot, lambda: "Llama-3.1-8B-Instruct on 1 × A10G: FITS" in shown(app))
        await with_model(wizard, "")
        await pilot.press("1", "2")
        await until(pilot, lambda: "Llama-3.1-8B-Instruct on" not in shown(app))
        assert wizard.query(VirtualTable)


async def with_model(wizard: LaunchScreen, model: str) -> None:
    wizard.form = wizard.form.changed("framework", "vllm").changed("model", model)


@pytest.mark.asyncio
async def test_a_deployment_is_judged_in_the_same_way() -> None:
    line = "Qwen2.5-72B-Instruct bf16 on 2 × A10G: NO"

    def planned(arguments: Mapping[str, Json]) -> JsonObject:
        checks: list[Json] = [check("host", "ok", "lab-1 answers"), check("fit", "warning", "needs more")]
        return {**plan(arguments), "checks": checks, "fit": {"verdict": "NO", "line": line}}

    session = written({"container.plan": planned}, hosts=(LAB,))
    app = console(session)
    async with app.run_test() as pilot:
        app.open_view(
            "container.deploy", {"host": "lab-1", "framework": "vllm", "model": ["Qwen/Qwen2.5-72B-Instruct"]}
        )
        await until(pilot, lambda: line in one_line(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Press again to go on all the same." in one_line(app))
        assert session.submitted == []
