"""The deploy wizard on screen: each step by keys alone, and nothing deployed that was not checked."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.ui.screens.containers import ContainersScreen
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from tests.ui.console_world import container_row
from tests.ui.deploy_world import DOWN, LAB, at, checked, hand_in, opened, plan, plans, reviewed, written
from tests.ui.dialog_world import check, console, keys_for, shown, until
from tests.ui.wizard_world import one_line

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_keys_alone_go_through_every_step_and_deploy(size: tuple[int, int]) -> None:
    session = written()
    app = console(session)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        for words in ("lab-1", "2 × A10G", "412.0 GiB", "down", "lab-1 answers: Docker 29.1.3"):
            assert words in one_line(app).replace("412 GiB", "412.0 GiB"), words
        await pilot.press("enter")
        await at(pilot, app, "server")
        await pilot.press("down", "enter", *keys_for("org/model"), "enter")
        await at(pilot, app, "options")
        await until(pilot, lambda: "8000, or the next that is free" in shown(app))
        await pilot.press(*keys_for("qwen"), "enter")
        await at(pilot, app, "review")
        await until(pilot, lambda: "Deploy qwen on lab-1" in shown(app))
        text = one_line(app)
        for words in ("vLLM org/model", "answers at http://127.0.0.1:8000/v1", "12.0 GiB free there"):
            assert words in text, words
        assert text.index("12.0 GiB free") < text.index("asks for all of 2")
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted and "handed to the agent" in shown(app))
    ((action_id, arguments),) = session.submitted
    assert action_id == "container.deploy"
    assert (arguments["host"], arguments["name"], arguments["model"]) == ("lab-1", "qwen", ["org/model"])


async def test_a_host_that_is_down_cannot_be_chosen_and_says_why() -> None:
    app = console(written())
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("end")
        await until(pilot, lambda: "lab-2 is down. lab-2 refuses the connection." in one_line(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "1 of 4" in shown(app)


async def test_a_host_that_goes_down_while_the_list_is_open_is_seen_at_once() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        gone = LAB._replace(state="down", problem="lab-1 is silent.", next_step="")
        hand_in(session, hosts=[gone, DOWN])
        await until(pilot, lambda: "lab-1 is silent." in one_line(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "1 of 4" in shown(app)


async def test_a_host_that_goes_down_in_the_review_is_checked_anew() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        before = len(plans(session))
        refused = check("host", "refused", "lab-1 is silent.", "Look at it.")
        session.answers["container.plan"] = lambda asked: {**plan(asked), "ok": False, "checks": [refused]}
        hand_in(session, hosts=[LAB._replace(read_at=LAB.created_at), DOWN])
        await pilot.pause()
        hand_in(session, hosts=[LAB._replace(state="down"), DOWN])
        await until(pilot, lambda: "lab-1 is silent. Look at it." in one_line(app))
        assert len(plans(session)) == before + 1
        await pilot.press("enter")
        await until(pilot, lambda: "A check refuses this deployment" in one_line(app))
        assert not session.submitted


async def test_without_a_host_the_way_to_one_is_said() -> None:
    app = console(written(hosts=[]))
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "No container host is kept here" in shown(app))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "No host is chosen. Choose one in step 1." in one_line(app))


async def test_a_host_that_was_found_and_not_added_says_how_it_is_added() -> None:
    found = [{"id": None, "name": "local", "state": "found", "url": "unix:///run/docker.sock"}]
    app = console(written({"host.list": found}))
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "local" in shown(app))
        await pilot.press("end", "enter")
        await until(pilot, lambda: ":host-add local" in one_line(app))
        assert "1 of 4" in shown(app)


async def test_any_image_wants_its_name_and_one_for_the_container() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app, {"host": "lab-1"})
        await at(pilot, app, "server")
        await pilot.press("end", "enter", "enter")
        await at(pilot, app, "options")
        await pilot.press("enter")
        await until(pilot, lambda: "Which image?" in one_line(app))
        assert "needs a name for its container" in one_line(app)
        await pilot.press("2", "tab", "tab")
        wizard.query_one("#image").focus()
        await pilot.press(*keys_for("nginx:1.29"), "enter", *keys_for("web"), "enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
    assert plans(session)[-1] == {"host": "lab-1", "image": "nginx:1.29", "name": "web"}


async def test_what_was_checked_is_what_is_deployed_every_value_fixed() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app, wait="20m")
        assert "wait" not in plans(session)[-1]
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
    ((_, arguments),) = session.submitted
    assert (arguments["port"], arguments["gpus"], arguments["wait"]) == ("8000", "all", "20m")
    assert arguments["image"] == "vllm/vllm-openai:v0.20"


async def test_enter_twice_deploys_once() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("enter", "enter", "ctrl+l")
        await until(pilot, lambda: "handed to the agent" in shown(app))
        await pilot.pause()
    assert len(session.submitted) == 1


async def test_enter_held_down_over_the_end_of_the_checks_deploys_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 100.0
    monkeypatch.setattr("aicompute_tui.ui.widgets.wizard_review.monotonic", lambda: seconds)
    session = written()
    gate = session.hold("container.plan")
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app, {"host": "lab-1", "framework": "ollama"})
        await at(pilot, app, "review")
        review = wizard.query_one(ReviewStep)
        review.agree()
        gate.set()
        await checked(pilot, wizard)
        for _ in range(20):
            seconds += 0.03
            review.agree()
        await until(pilot, lambda: "Press again to deploy" in one_line(app))
        assert not session.submitted
        seconds += 1
        await pilot.press("enter")
        await until(pilot, lambda: len(session.submitted) == 1)


async def test_a_refused_check_stands_first_in_the_forms_words_and_stops_the_deployment() -> None:
    refused = check("port", "refused", "port 8000 is taken by the container ollama-main", "Choose another --port.")
    answers = {
        "container.plan": lambda asked: {**plan(asked), "ok": False, "checks": [check("host", "ok", "x"), refused]}
    }
    session = written(answers)
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        text = one_line(app)
        assert text.index("✕ refused") < text.index("✓ ok")
        assert "taken by the container ollama-main. Choose another “port”." in text
        await pilot.press("enter")
        await until(pilot, lambda: "A check refuses this deployment" in one_line(app))
        assert not session.submitted


async def test_both_lines_can_be_copied() -> None:
    app = console(written())
    async with app.run_test(size=(120, 40)) as pilot:
        await reviewed(pilot, app)
        await pilot.press("C")
        await until(pilot, lambda: app.clipboard.startswith("docker run -d --name vllm"))
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard.startswith("aic-tui container deploy --host lab-1"))
        assert "--model org/model" in app.clipboard


async def test_it_is_resumed_where_it_was_left_and_every_step_can_be_corrected() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await reviewed(pilot, app)
        await pilot.press("3")
        await at(pilot, app, "options")
        wizard.query_one("#memory").focus()
        await pilot.press(*keys_for("32g"))
        app.go_home()
        await pilot.pause()
        again = await opened(pilot, app)
        await at(pilot, app, "options")
        assert again.form["memory"] == "32g"
        await pilot.press("ctrl+l")
        await at(pilot, app, "review")
        await checked(pilot, again)
        assert plans(session)[-1]["memory"] == "32g"
        await pilot.press("ctrl+n")
        await at(pilot, app, "host")
        assert again.form["memory"] == ""


async def test_without_an_agent_the_checks_say_so_and_run_when_it_is_back() -> None:
    session = written({"container.plan": Unreachable("No agent is running.", "Start one: aic-tui agent.")})
    app = console(session)
    async with app.run_test() as pilot:
        session.agent_state = "off"
        await reviewed(pilot, app)
        assert "No agent is running." in one_line(app)
        await pilot.press("enter")
        await until(pilot, lambda: "The checks did not end" in one_line(app))
        session.answers["container.plan"] = plan
        session.agent_state = "on"
        app.take_agent()
        await until(pilot, lambda: "answers at http" in one_line(app))


async def test_a_refusal_of_the_deployment_itself_is_one_sentence_and_keeps_everything() -> None:
    session = written()
    session.refusal = Unreachable("The database is busy.", "Try again in a moment.")
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: "database is busy" in shown(app))
        session.refusal = None
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)


async def test_it_stands_over_the_view_it_was_opened_from_on_the_host_of_its_row() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        hand_in(session, containers=[container_row("llama", "lab-1")])
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, ContainersScreen) and "llama" in shown(app))
        await pilot.press("n")
        await at(pilot, app, "server")
        assert "What runs on lab-1" in shown(app)
        await pilot.press("escape")
        await at(pilot, app, "host")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ContainersScreen))
