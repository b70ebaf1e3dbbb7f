"""The context in both wizards: typed among the options, checked there, judged for, handed over and kept in repeats."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui import launch_fits
from aicompute_tui.ui.deploy_form import DeployForm
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.recommendation_records import launch_arguments
from tests.ui import deploy_world
from tests.ui.deploy_world import LAB, plan, plans, written
from tests.ui.dialog_world import PREFLIGHT, WrittenSession, console, shown, until
from tests.ui.wizard_world import at, checked, one_line, opened, preflights

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
JUDGED: JsonObject = {
    **PREFLIGHT,
    "fit": {"verdict": "TIGHT", "line": "", "room": "TIGHT, up to 19k context", "reason": ""},
    "spec": {"region": "ca-central-1", "ttl": "28800s", "framework": "vllm", "model": [MODEL], "context": "16384"},
}


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_context_typed_among_the_options_is_judged_and_launched(size: tuple[int, int]) -> None:
    session = WrittenSession({"instance.preflight": JUDGED})
    app = console(session)
    async with app.run_test(size=size) as pilot:
        wizard = await opened(pilot, app)
        wizard.form = wizard.form.changed("framework", "vllm").changed("model", MODEL)
        await pilot.press("4")
        await at(pilot, app, "options")
        assert "8k, or less where the model has less" in one_line(app)
        wizard.query_one("#context", Input).focus()
        await until(pilot, lambda: "Tokens of context that the server takes" in one_line(app))
        await pilot.press(*"99")
        await until(pilot, lambda: "context must lie between 256 and 10,000,000 tokens." in one_line(app))
        await pilot.press("backspace", "backspace", *"16k", "enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        assert preflights(session)[-1]["context"] == "16k"
        assert "16k context · TIGHT, up to 19k context" in one_line(app)
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
        assert session.submitted[-1][1]["context"] == "16k"


@pytest.mark.asyncio
async def test_a_machine_that_serves_nothing_has_no_such_option() -> None:
    session = WrittenSession({"instance.preflight": PREFLIGHT})
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        wizard.form = wizard.form.changed("context", "99")
        await pilot.press("4")
        await at(pilot, app, "options")
        assert not wizard.query_one("#row-context").display
        assert "context" not in shown(app)
        await pilot.press("ctrl+l")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        assert "context" not in preflights(session)[-1]


@pytest.mark.asyncio
async def test_a_container_is_deployed_with_the_context_that_was_typed() -> None:
    session = written({"container.plan": plan}, hosts=(LAB,))
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await deploy_world.reviewed(pilot, app)
        await pilot.press("3")
        await deploy_world.at(pilot, app, "options")
        wizard.query_one("#context", Input).focus()
        await pilot.press(*"32k", "enter")
        await deploy_world.at(pilot, app, "review")
        await deploy_world.checked(pilot, wizard)
        assert plans(session)[-1]["context"] == "32k"
        assert "32k context" in one_line(app)
        wizard.form = wizard.form.changed("framework", "tei")
        await pilot.press("3")
        await deploy_world.at(pilot, app, "options")
        await until(pilot, lambda: not wizard.query_one("#row-context").display)


def test_a_repeat_keeps_it_and_a_server_that_takes_none_is_not_asked_for_it() -> None:
    form = LaunchForm().again({"framework": "vllm", "model": ["a/b"], "context": "none"})
    assert form.arguments()["context"] == "none"
    assert "context" not in form.changed("framework", "tei").arguments()
    deployed = DeployForm().with_arguments({"host": "box", "framework": "vllm", "model": ["a/b"], "context": "16384"})
    assert deployed.arguments()["context"] == "16384"
    assert "context" not in deployed.changed("framework", "tei").arguments()


def test_machine_types_are_judged_for_it_too() -> None:
    form = LaunchForm().changed("framework", "vllm").changed("model", "a/b")
    assert "context" not in (launch_fits.asked(form) or {})
    assert (launch_fits.asked(form.changed("context", "32k")) or {})["context"] == "32k"
    assert "context" not in (launch_fits.asked(form.changed("context", "9")) or {}), "what is wrong is asked of nobody"


def test_a_recommended_offer_brings_its_context_along() -> None:
    row: JsonObject = {"type": "g5.xlarge", "region": "ca-central-1", "market": "spot", "engine": "vllm"}
    assert launch_arguments({**row, "served_as": MODEL, "context": 32_768}, None)["context"] == "32768"
    assert "context" not in launch_arguments({**row, "context": 32_768}, None), (
        "no server is named, which would take it"
    )
