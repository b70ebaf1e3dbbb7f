"""The model servers: what each does at a glance, the worst first, and what is asked before they are changed."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from aicompute_tui.domain.json import Json
from aicompute_tui.ui.screens.server_form import ServerForm
from aicompute_tui.ui.screens.servers import ServersScreen
from aicompute_tui.ui.widgets.form_fields import TurnField
from aicompute_tui.ui.widgets.text_line import TextLine
from tests.ui.console_world import Console, HeldSession, console, reading, server_row
from tests.ui.server_world import BUSY, FOUND, server_rows, servers


async def open_servers(world: Console) -> ServersScreen:
    await world.press("5")
    await world.pilot.pause()
    assert isinstance(world.view, ServersScreen)
    return world.view


async def open_form(world: Console, key: str = "n") -> ServerForm:
    await world.press(key)
    await world.until(lambda: isinstance(world.app.screen, ServerForm))
    form = world.app.screen
    assert isinstance(form, ServerForm)
    return form


def lines(world: Console, view: ServersScreen) -> list[str]:
    return [world.line(view.table, place) for place in range(1, 1 + len(view.table.order))]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_does_not_answer_stands_first_and_the_busy_tell_their_load(size: tuple[int, int]) -> None:
    async with console(servers(), size=size) as world:
        view = await open_servers(world)
        first, second, *rest = lines(world, view)
        assert "tei-bge" in first
        assert "✕ offline" in first
        assert "comfy" in second
        assert "⚠ degraded" in second
        assert "1/2" in second
        busy = next(line for line in rest if "vllm-llama" in line)
        for part in ("● online", "3/12", "31", "412"):
            assert part in busy
        cards = view.query_one("#server-cards", TextLine).text
        for part in ("2 online", "1 degraded", "1 offline"):
            assert part in cards


@pytest.mark.asyncio
async def test_where_there_is_room_it_says_what_runs_where() -> None:
    async with console(servers(), size=(160, 40)) as world:
        view = await open_servers(world)
        told = next(line for line in lines(world, view) if "ollama-lab" in line)
        for part in ("2, 1 loaded", "lab-1/olla", "10.0.0.5:11434"):
            assert part in told
        assert "1 vLLM" in view.query_one("#server-cards", TextLine).text


@pytest.mark.asyncio
async def test_figures_of_one_that_stopped_answering_are_not_shown_as_if_they_were_of_now() -> None:
    async with console(servers()) as world:
        view = await open_servers(world)
        world.session.hand_in(servers(state="down", figures='{"requests_running": 3.0}'))
        await world.pilot.pause()
        told = next(line for line in lines(world, view) if "vllm-llama" in line)
        assert "✕ offline" in told
        assert "3/" not in told


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("typed", "found"),
    [("kind:ollama", {"ollama-lab"}), ("waiting>2", {"vllm-llama"}), ("qwen", {"ollama-lab"}),
     ("state:offline", {"tei-bge"}), ("cache>30", {"vllm-llama"}), ("@lab-1", {"ollama-lab"})],
)  # fmt: skip
async def test_a_filter_finds_servers_by_what_they_are_and_do(typed: str, found: set[str]) -> None:
    async with console(servers()) as world:
        view = await open_servers(world)
        await world.press("slash", *typed, "enter")
        assert {view.table.rows[row_id].name for row_id in view.table.order} == found


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "found"),
    [("kind=tei", {"tei"}), ("kind=tei-reranker", {"ranker"}), ("state=online", {"tei"}), ("tag=lab", {"tei"}),
     ("/kind:rerank", {"ranker"}), ("/kind:te", {"tei", "ranker"}), ("/state:line", set())],
)  # fmt: skip
async def test_words_after_the_views_name_narrow_to_exactly_those(words: str, found: set[str]) -> None:
    rows = [server_row("tei", kind="tei", tags=["lab"]),
            server_row("ranker", kind="tei-reranker", tags=["lab-2"], state="down")]  # fmt: skip
    async with console(reading(servers=rows)) as world:
        await world.press("colon", *f"servers {words}", "enter")
        await world.until(lambda: isinstance(world.view, ServersScreen))
        view = world.view
        assert isinstance(view, ServersScreen)
        await world.until(lambda: {view.table.rows[row_id].name for row_id in view.table.order} == found)


@pytest.mark.asyncio
async def test_an_empty_view_invites_to_add_one() -> None:
    async with console(reading()) as world:
        await open_servers(world)
        assert "No model server is known.  n adds one" in world.shown


@pytest.mark.asyncio
async def test_a_server_is_asked_now_and_its_answer_said() -> None:
    session = HeldSession()
    session.answers["server.check"] = [{"name": "tei-bge", "state": "online", "latency_seconds": 0.004}]
    async with console(servers(), session=session) as world:
        await open_servers(world)
        await world.press("r")
        await world.until(lambda: "tei-bge answers in 4 ms." in world.jobs)


@pytest.mark.asyncio
async def test_those_out_of_use_are_not_counted_among_the_asked() -> None:
    async with console(reading(servers=[server_row("a", is_active=0), server_row("b", is_active=0)])) as world:
        await open_servers(world)
        await world.press("R")
        await world.until(lambda: "There is no server to ask." in world.jobs)


@pytest.mark.asyncio
async def test_of_all_servers_asked_those_that_stay_silent_are_named() -> None:
    session = HeldSession()
    rows: list[Json] = [
        {"name": name, "state": "offline" if name == "tei-bge" else "online"} for name in ("a", "tei-bge")
    ]
    session.answers["server.check"] = rows
    async with console(servers(), session=session) as world:
        await open_servers(world)
        await world.press("R")
        await world.until(lambda: "1 of 2 answer; not tei-bge." in world.jobs)


@pytest.mark.asyncio
async def test_a_server_is_removed_by_its_id_after_a_question() -> None:
    async with console(servers()) as world:
        await open_servers(world)
        await world.press("t")
        assert "Remove the server tei-bge?" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][:2] == ("server.remove", {"name": "server-tei-bge"})


# -- the form


@pytest.mark.asyncio
async def test_an_address_is_looked_at_and_what_was_found_stands_in_the_form() -> None:
    session = HeldSession()
    session.answers["server.probe"] = FOUND
    async with console(servers(), session=session) as world:
        await open_servers(world)
        form = await open_form(world)
        await world.press(*"gpu1:11434", "enter")
        await world.until(lambda: "found Ollama 0.33.0, 3 models" in world.shown)
        assert form.query_one("#server-kind", TurnField).value == "ollama"
        assert form.query_one("#server-name", Input).placeholder == "gpu1:11434"
        await world.press(*"sk-hidden", "down", "down", *"lab-ollama")
        assert "sk-hidden" not in world.shown
        form.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        action_id, arguments, _ = world.session.submitted[0]
        assert action_id == "server.add"
        assert arguments == {"name": "lab-ollama", "url": "http://gpu1:11434", "kind": "ollama"}
        assert world.session.sealed == ["sk-hidden"]


@pytest.mark.asyncio
async def test_an_address_where_nothing_answers_says_so_and_may_be_kept_all_the_same() -> None:
    session = HeldSession()
    session.answers["server.probe"] = {
        "kind": None,
        "problem": "Nothing answers at gpu1:8000.",
        "next_step": "Is it on?",
    }
    async with console(servers(), session=session) as world:
        await open_servers(world)
        form = await open_form(world)
        await world.press(*"gpu1:8000", "enter")
        await world.until(lambda: "Nothing answers at gpu1:8000." in world.shown)
        form.query_one("#server-kind", TurnField).value = "vllm"
        form.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["kind"] == "vllm"


@pytest.mark.asyncio
async def test_a_form_without_an_address_asks_for_it() -> None:
    async with console(servers()) as world:
        await open_servers(world)
        form = await open_form(world)
        form.query_one("#go").focus()
        await world.press("enter")
        assert "Where is it?" in world.shown
        await world.press("escape")
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_editing_hands_over_only_what_is_changed() -> None:
    rows = reading(servers=[server_row("vllm-llama", tags=["lab", "old"], figures=BUSY)])
    async with console(rows) as world:
        await open_servers(world)
        form = await open_form(world, "e")
        assert "Edit vllm-llama" in world.shown
        form.query_one("#server-name", Input).value = "big"
        form.query_one("#server-tags", Input).value = "lab new"
        form.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        action_id, arguments, subject = world.session.submitted[0]
        assert (action_id, subject) == ("server.edit", "server-vllm-llama")
        assert arguments == {"name": "server-vllm-llama", "rename": "big", "tag": ["new", "-old"]}


@pytest.mark.asyncio
async def test_a_plain_check_asks_which_status_it_wants() -> None:
    async with console(servers()) as world:
        await open_servers(world)
        form = await open_form(world)
        status = form.query_one("#row-status")
        assert not status.display
        form.query_one("#server-kind", TurnField).value = "http"
        await world.pilot.pause()
        assert status.display
        form.query_one("#server-url", Input).value = "https://wiki.example/ok"
        form.query_one("#server-status", Input).value = "204"
        form.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["expected_status"] == 204


@pytest.mark.asyncio
async def test_a_status_that_is_emptied_is_taken_back() -> None:
    rows = [row._replace(kind="http", options='{"expected_status": 404}') for row in server_rows()]
    async with console(reading([], servers=rows)) as world:
        await open_servers(world)
        form = await open_form(world, "e")
        form.query_one("#server-status", Input).value = ""
        form.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["expected_status"] == "none"


# -- on home


@pytest.mark.asyncio
async def test_servers_stand_on_home_where_there_is_room_the_worst_first_and_as_a_figure_where_there_is_not() -> None:
    async with console(servers(), size=(120, 40)) as world:
        await world.until(lambda: "SERVERS" in world.shown)
        told = world.parts("#home-servers").splitlines()
        assert "tei-bge" in told[1]
        assert "offline 14m" in told[1]
        assert any("ollama-lab" in line and "2 models" in line for line in told)
        assert any("vllm-llama" in line and "12 wait   412 tok/s" in line for line in told)
        assert "Servers  3 of 4" in world.shown
    async with console(servers(), size=(80, 24)) as world:
        await world.until(lambda: "3/4 servers" in world.shown)
        assert "SERVERS" not in world.shown
