"""One model server whole: how it fares, its live load and history, its models, their verbs, and the try-outs."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from aicompute_tui.domain.json import Json
from aicompute_tui.ui import live_stream
from aicompute_tui.ui.screens.server import ServerScreen
from aicompute_tui.ui.view_stack import Place
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.figure_panel import FigurePanel
from tests.ui.console_world import Console, HeldSession, console, job, reading, server_row
from tests.ui.server_world import samples as stored_samples
from tests.ui.server_world import server_rows, servers, watched

SIZES = [(80, 24), (120, 40)]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "RETRY_SECONDS", (0.05,))


def session() -> HeldSession:
    held = HeldSession()
    held.streamed = {"server.watch": watched()}
    held.answers = {"server.metrics": stored_samples()}
    return held


async def open_page(world: Console, name: str = "vllm-llama") -> ServerScreen:
    world.app.views.enter(Place("server.show", {"name": f"server-{name}"}))
    await world.pilot.pause()
    assert isinstance(world.view, ServerScreen)
    return world.view


def facts(world: Console) -> str:
    return world.view.query_one("#server-facts", ContentLines).text


def panel(world: Console) -> str:
    return world.view.query_one(FigurePanel).text


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_it_says_what_it_is_how_it_fares_and_how_busy_it_is(size: tuple[int, int]) -> None:
    async with console(servers(), session=session(), size=size) as world:
        view = await open_page(world)
        await world.until(lambda: "412" in panel(world))
        for part in ("● online", "vLLM 0.33.0", "http://127.0.0.1:8000", "answers in 4 ms"):
            assert part in facts(world)
        for part in ("running", "waiting", "KV cache", "31 %", "tokens/s", "TTFT", "0.24 s", "now"):
            assert part in panel(world)
        assert "VRAM" not in panel(world)
        assert "meta-llama/Llama" in world.line(view.models, 1)
        assert "32k" in world.line(view.models, 1)
        assert all(len(line) <= size[0] for line in facts(world).splitlines())


@pytest.mark.asyncio
async def test_one_that_does_not_answer_says_why_and_what_to_do() -> None:
    async with console(servers()) as world:
        await open_page(world, "tei-bge")
        for part in ("✕ offline", "connection refused", "Is it running?"):
            assert part in facts(world)
        assert "e edit" in world.footer
        await open_page(world)
        assert "e edit" not in world.footer


@pytest.mark.asyncio
async def test_one_that_went_away_keeps_the_models_it_told_of_last() -> None:
    held = session()
    held.streamed = {"server.watch": [{"at": "2026-11-20T14:01:58Z", "state": "offline", "models": []}]}
    async with console(servers(state="down"), session=held) as world:
        view = await open_page(world)
        await world.until(lambda: bool(view._live))
        assert "meta-llama/Llama" in world.line(view.models, 1)


@pytest.mark.asyncio
async def test_the_models_of_ollama_tell_size_state_and_share_in_memory_the_loaded_first() -> None:
    async with console(servers()) as world:
        view = await open_page(world, "ollama-lab")
        first, second = world.line(view.models, 1), world.line(view.models, 2)
        for part in ("qwen2.5-coder:7b", "● loaded", "5.0 GiB", "Q4_K_M", "2.5 GiB 50 %"):
            assert part in first
        assert "○ available" in second
        assert "lab-1/ollama-main" in facts(world)


@pytest.mark.asyncio
async def test_a_server_that_tells_no_figures_says_so() -> None:
    async with console(reading(servers=[server_row("wiki", kind="http")])) as world:
        await open_page(world, "wiki")
        assert "HTTP tells none of its own" in panel(world)


@pytest.mark.asyncio
async def test_the_charts_turn_through_the_stretches_and_ask_for_what_is_stored() -> None:
    async with console(servers(), session=session()) as world:
        await open_page(world)
        await world.until(lambda: "412" in panel(world))
        before = panel(world)
        await world.press("h")
        await world.until(lambda: "the last hour" in panel(world))
        assert panel(world) != before
        assert "▃" in panel(world)
        for told in ("24 hours", "7 days", "30 days", "the last year"):
            await world.press("h")
            await world.until(lambda told=told: told in panel(world))  # type: ignore[misc]
        await world.press("h")
        await world.until(lambda: " s" in panel(world).splitlines()[0])


@pytest.mark.asyncio
async def test_its_figures_stream_only_while_it_is_looked_at() -> None:
    async with console(servers(), session=session()) as world:
        await open_page(world)
        await world.until(lambda: len(world.session.open_streams("server.watch")) == 1)
        assert world.session.open_streams("server.watch")[0].arguments["name"] == "server-vllm-llama"
        await world.press("question_mark")
        await world.until(lambda: not world.session.open_streams("server.watch"))
        await world.press("escape")
        await world.until(lambda: len(world.session.open_streams("server.watch")) == 1)
        await world.press("escape")
        await world.until(lambda: not world.session.open_streams("server.watch"))


# -- what can be done with its models


@pytest.mark.asyncio
async def test_a_model_is_fetched_by_name_and_its_progress_can_be_cancelled() -> None:
    async with console(servers()) as world:
        await open_page(world, "ollama-lab")
        await world.press("p", *"gemma3:4b", "enter")
        await world.until(lambda: bool(world.session.submitted))
        action_id, arguments, subject = world.session.submitted[0]
        assert (action_id, subject) == ("server.pull", "server-ollama-lab")
        assert arguments == {"name": "server-ollama-lab", "model": "gemma3:4b"}
        pull = job("server.pull", subject="server-ollama-lab", progress="pulling gemma3:4b: 41 %, 1.2 GiB of 2.9 GiB")
        world.session.hand_in(servers()._replace(jobs=[pull]))
        await world.until(lambda: "41 %, 1.2 GiB of 2.9 GiB" in facts(world))
        assert "━" in facts(world)
        await world.press("C")
        assert "Cancel" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: len(world.session.submitted) == 2)
        assert world.session.submitted[1][0] == "job.cancel"


@pytest.mark.asyncio
async def test_what_became_of_the_models_is_asked_as_soon_as_a_job_on_them_ends() -> None:
    async with console(servers(), session=session()) as world:
        await open_page(world)
        await world.until(lambda: len(world.session.open_streams("server.watch")) == 1)
        first = world.session.open_streams("server.watch")[0]
        load = job("server.load", "running", id="job-load", subject="server-vllm-llama")
        world.session.hand_in(servers()._replace(jobs=[load]))
        world.session.hand_in(servers()._replace(jobs=[load._replace(state="done")]))
        await world.until(lambda: not first.is_open and len(world.session.open_streams("server.watch")) == 1)


@pytest.mark.asyncio
async def test_the_model_under_the_cursor_is_loaded_at_once_and_deleted_after_a_question() -> None:
    async with console(servers()) as world:
        await open_page(world, "ollama-lab")
        await world.press("down", "l")
        await world.until(lambda: len(world.session.submitted) == 1)
        assert world.session.submitted[0][:2] == ("server.load", {"name": "server-ollama-lab", "model": "llama3.2:3b"})
        await world.press("x")
        await world.until(lambda: "Delete llama3.2:3b of ollama-lab?" in world.shown)
        assert len(world.session.submitted) == 1
        await world.press("right", "enter")
        await world.until(lambda: len(world.session.submitted) == 2)
        assert world.session.submitted[1][1]["model"] == "llama3.2:3b"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("key", "why"),
    [("p", "vllm-llama cannot pull models: it is vLLM."), ("m", "cannot make models"), ("x", "cannot delete models")],
)
async def test_what_its_kind_cannot_do_is_refused_with_the_kinds_that_can(key: str, why: str) -> None:
    async with console(servers()) as world:
        await open_page(world)
        await world.press(key)
        await world.until(lambda: why in world.jobs)
        assert "Ollama" in world.jobs
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_nothing_is_asked_of_one_that_does_not_answer() -> None:
    rows = [row._replace(state="down") for row in server_rows()]
    async with console(reading(servers=rows)) as world:
        await open_page(world, "ollama-lab")
        await world.press("p")
        await world.until(lambda: "ollama-lab does not answer." in world.jobs)


@pytest.mark.asyncio
async def test_an_adapter_is_loaded_with_its_name_and_folder() -> None:
    async with console(servers()) as world:
        await open_page(world)
        await world.press("plus", *"sql", "enter")
        await world.until(lambda: "path?" in world.shown)
        await world.press(*"/adapters/sql", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1] == {
            "name": "server-vllm-llama", "adapter": "sql", "path": "/adapters/sql",
        }  # fmt: skip


@pytest.mark.asyncio
async def test_a_server_is_put_to_sleep_after_a_question() -> None:
    async with console(servers()) as world:
        await open_page(world)
        await world.press("s")
        assert "Put to sleep vllm-llama?" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][0] == "server.sleep"


# -- try-outs


@pytest.mark.asyncio
async def test_two_texts_are_embedded_and_their_likeness_told() -> None:
    held = session()
    held.answers["server.embed"] = {
        "dimensions": 1024, "length": 1.0, "first_numbers": [0.1, -0.2], "total_seconds": 0.038, "cosine": 0.831,
    }  # fmt: skip
    async with console(servers(), session=held) as world:
        await open_page(world)
        await world.press("b")
        await world.until(lambda: "Embed with meta-llama" in world.shown)
        await world.press(*"a cat", "enter")
        await world.until(lambda: "1,024 numbers   norm 1.000   38 ms" in world.shown)
        assert "cosine" in world.shown
        assert "0.831" in world.shown
        await world.press("escape")
        assert isinstance(world.app.screen, ServerScreen)


@pytest.mark.asyncio
async def test_texts_are_ranked_by_how_well_they_answer() -> None:
    held = session()
    ranked: list[Json] = [
        {"score": 0.98, "document": "It is in Paris.", "index": 1}, {"score": 0.02, "document": "No.", "index": 0},
    ]  # fmt: skip
    held.answers["server.rerank"] = ranked
    async with console(servers(), session=held) as world:
        await open_page(world)
        await world.press("o")
        await world.until(lambda: "Rank with" in world.shown)
        await world.press(*"Where is it?", "enter")
        assert isinstance(world.app.focused, Input)
        assert world.app.focused.id == "try-first"
        await world.press(*"No.", "enter")
        await world.until(lambda: "0.9800" in world.shown)
        assert world.shown.index("It is in Paris.") < world.shown.index("0.0200")


@pytest.mark.asyncio
async def test_a_try_out_that_fails_says_why_and_stays_open() -> None:
    async with console(servers()) as world:
        await open_page(world)
        await world.press("b", *"a cat", "enter")
        await world.until(lambda: "No agent is running." in world.shown)
        assert "Embed with" in world.shown


@pytest.mark.asyncio
async def test_one_that_is_removed_meanwhile_says_so() -> None:
    async with console(servers()) as world:
        await open_page(world)
        world.session.hand_in(reading())
        await world.until(lambda: "It was removed" in facts(world))
