"""The connections view: what fails first, how each answers, what is done by keys, and the form that adds and edits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from textual.widgets import Input, Static

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import ConnectionRow, Snapshot
from aicompute_tui.ui.connection_draft import tags_in
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.connection import ConnectionScreen
from aicompute_tui.ui.screens.connection_form import ConnectionForm
from aicompute_tui.ui.screens.connections import ConnectionsScreen
from aicompute_tui.ui.widgets.card_line import CardLine
from aicompute_tui.ui.widgets.connection_cards import ConnectionCards
from aicompute_tui.ui.widgets.form_fields import TurnField
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import HOUR, MINUTE, NOW, Console, HeldSession, connection_row, console, machine, reading

pytestmark = pytest.mark.asyncio
KEY = "gsk_0123456789abcdefghijklmnop"


def rows() -> list[ConnectionRow]:
    refused: dict[str, Any] = {
        "state": "down", "since": NOW - 14 * MINUTE, "problem": "groq refuses the key.", "problem_kind": "AuthFailed",
        "next_step": "e gives another.", "failures": 3,
    }  # fmt: skip
    return [
        connection_row("vllm-lab", flags=["livekit", "automation"], tags=["lab", "cheap"], used_at=NOW - 2 * HOUR),
        connection_row("groq", kind="groq", base_url="https://api.groq.com/openai/v1", has_key=1, flags=["mcp"],
                       model="llama-3.3-70b", **refused),
        connection_row("new", kind="ollama", base_url="http://127.0.0.1:11434", state="waiting", latency_seconds=None),
        connection_row("off", kind="openai", base_url="https://api.openai.com/v1", is_active=0, has_key=1),
        connection_row("tired", is_held_back=1, state="down", problem="It does not answer.", flags=["livekit"]),
    ]  # fmt: skip


def many(*more: ConnectionRow) -> Snapshot:
    return reading(connections=[*rows(), *more])


async def open_view(world: Console) -> ConnectionsScreen:
    await world.press("4")
    await world.until(lambda: isinstance(world.view, ConnectionsScreen))
    assert isinstance(world.view, ConnectionsScreen)
    return world.view


def table_of(world: Console) -> VirtualTable[ConnectionRow]:
    return world.view.query_one("#connections", VirtualTable)


def names(world: Console) -> list[str]:
    table = table_of(world)
    return [table.rows[row_id].name for row_id in table.order]


async def open_form(world: Console, key: str) -> ConnectionForm:
    await world.press(key)
    await world.until(lambda: isinstance(world.app.screen, ConnectionForm))
    form = world.app.screen
    assert isinstance(form, ConnectionForm)
    await world.until(lambda: form.focused is not None)
    return form


def put(form: ConnectionForm, **values: str) -> None:
    for name, value in values.items():
        form.query_one(f"#connection-{name}", Input).value = value


async def answer(world: Console, form: ConnectionForm) -> None:
    await world.pilot.pause()
    form.query_one("#go").focus()
    await world.press("enter")


async def test_what_fails_stands_first_and_each_says_how_it_answers() -> None:
    async with console(many()) as world:
        await open_view(world)
        assert names(world) == ["groq", "tired", "new", "vllm-lab", "off"]
        table = table_of(world)
        lines = [world.line(table, place) for place in range(1, 6)]
        assert "✕ error" in lines[0]
        assert "Groq" in lines[0]
        assert "✕ held back" in lines[1]
        assert "◌ testing" in lines[2]
        for part in ("● active", "vLLM", "llama-8b", "http://127.0.0.1:8", "12", "L   A", "lab cheap", "2h"):
            assert part in lines[3], part
        assert "■ inactive" in lines[4]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_cards_count_what_there_is_and_for_whom(size: tuple[int, int]) -> None:
    async with console(many(), size=size) as world:
        view = await open_view(world)
        cards = view.query_one(ConnectionCards).text
        wide = size[0] >= 100
        ready = " ready" if wide else ""
        for card in ("active  1", "failing  2", f"LiveKit{ready}  1", f"MCP{ready}  0", f"automation{ready}  1"):
            assert card in cards
        assert len(cards) <= size[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kind:groq", ["groq"]),
        ("status:error", ["groq"]),
        ("status:testing", ["new"]),
        ("flag:livekit", ["tired", "vllm-lab"]),
        ("tag:cheap", ["vllm-lab"]),
        ("!status:inactive ms<20 tag:lab", ["vllm-lab"]),
        ("status:active", ["vllm-lab"]),
        ("status:held-back", ["tired"]),
        ('status:"held back"', ["tired"]),
        ("status:act", []),
        ("tag:la", []),
        ("flag:live", []),
        ("api.groq.com", ["groq"]),
        ("refuses", ["groq"]),
    ],
)
async def test_a_filter_finds_by_kind_status_flag_and_tag(text: str, found: list[str]) -> None:
    async with console(many()) as world:
        view = await open_view(world)
        view.apply_filter(text)
        assert names(world) == found


async def test_a_filter_that_spells_a_name_out_stands_on_it_though_others_have_its_words() -> None:
    mini = connection_row("hosted mini", model="large-2-mini", state="down", problem="It refuses the key.")
    async with console(reading(connections=[mini, connection_row("hosted large", model="large-2")])) as world:
        await open_view(world)
        await world.press("slash", *"hosted large", "enter")
        assert names(world) == ["hosted mini", "hosted large"]
        assert world.view.selected_ids() == ["connection-hosted large"]


async def test_a_connection_turns_green_by_itself_and_the_cards_follow() -> None:
    async with console(many()) as world:
        view = await open_view(world)
        well = [row._replace(state="up", problem="", is_held_back=0) if row.name == "groq" else row for row in rows()]
        world.session.hand_in(reading(connections=well))
        await world.pilot.pause()
        assert names(world)[0] == "tired"
        assert "failing  1" in view.query_one(ConnectionCards).text


async def test_x_takes_marked_ones_out_of_use_and_puts_them_back() -> None:
    async with console(many()) as world:
        view = await open_view(world)
        view.apply_filter("vllm-lab")
        await world.press("x")
        await world.until(lambda: len(world.session.submitted) == 1)
        view.apply_filter("status:inactive")
        await world.press("x")
        await world.until(lambda: len(world.session.submitted) == 2)
        view.apply_filter("status:held")
        await world.press("x")
        await world.until(lambda: len(world.session.submitted) == 3)
    told = [(action_id, arguments["name"]) for action_id, arguments, _ in world.session.submitted]
    assert told == [
        ("connection.deactivate", "connection-vllm-lab"),
        ("connection.activate", "connection-off"),
        ("connection.activate", "connection-tired"),
    ]


async def test_flags_are_turned_for_all_marked_rows_at_once() -> None:
    async with console(many()) as world:
        view = await open_view(world)
        view.apply_filter("flag:livekit")
        await world.press("space", "space", "l")
        await world.until(lambda: len(world.session.submitted) == 2)
        await world.press("m")
        await world.until(lambda: len(world.session.submitted) == 3)
    first, second, third = (arguments for _, arguments, _ in world.session.submitted)
    assert first == {"name": "connection-tired", "no_livekit": True}
    assert second == {"name": "connection-vllm-lab", "no_livekit": True}
    assert third["mcp"] is True, "nothing is marked any more, so it is about the row under the cursor"


async def test_removing_several_names_them_with_what_is_lost() -> None:
    async with console(many()) as world:
        await open_view(world)
        await world.press("space", "space", "t")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        shown = world.shown
        for part in ("Remove 2 connections?", "https://api.groq.com", "their settings and their key", "livekit, mcp"):
            assert part in shown, part
        await world.press("tab", "enter")
        await world.until(lambda: len(world.session.submitted) == 2)
    assert {action_id for action_id, _, _ in world.session.submitted} == {"connection.remove"}


async def test_enter_opens_a_page_with_everything_kept_and_the_ends_of_the_key() -> None:
    options = {"timeout_seconds": 90, "temperature": "0.2", "headers": [["X-Title", "secret-ish"]],
               "input_nano_usd": 590_000_000, "output_nano_usd": None}  # fmt: skip
    row = connection_row("groq", kind="groq", has_key=1, options=options, description="for the agents", flags=["mcp"],
                         state="down", problem="groq refuses the key.", next_step="e gives another.",
                         since=NOW - 14 * MINUTE, checked_at=NOW - MINUTE, source="container:lab-1/x")  # fmt: skip
    session = HeldSession()
    session.answers["connection.show"] = {"key": "gsk…mnop"}
    async with console(reading(connections=[row]), session=session) as world:
        await open_view(world)
        await world.press("enter")
        await world.until(lambda: isinstance(world.view, ConnectionScreen) and "gsk…mnop" in world.shown)
        shown = world.parts("#connection-head", "#connection-kept")
        for part in (
            "✕ error", "Groq", "groq refuses the key.", "(14m now)", "e gives another.", "90 s", "0.2", "X-Title",
            "MCP", "for the agents", "$0.59 in, – out", "container lab-1/x", "checked 1m ago",
        ):  # fmt: skip
            assert part in shown, part
        assert "secret-ish" not in shown, "a header may hold what is nobody's business"
        await world.press("x")
        await world.until(lambda: bool(world.session.submitted))
        world.session.hand_in(reading())
        await world.until(lambda: "It was removed" in world.parts("#connection-head"))


async def test_a_page_without_an_agent_still_tells_what_is_kept() -> None:
    async with console(many()) as world:
        await open_view(world)
        await world.press("enter")
        await world.until(lambda: isinstance(world.view, ConnectionScreen))
        assert "in the vault" in world.parts("#connection-kept")


def url_of(form: ConnectionForm) -> str:
    return form.query_one("#connection-url", Input).value


async def test_a_provider_is_added_with_a_key_that_is_sealed_and_seen_nowhere() -> None:
    async with console(many()) as world:
        await open_view(world)
        form = await open_form(world, "n")
        kind = form.query_one("#connection-preset", TurnField)
        assert kind.has_focus, "what it is comes first"
        kind.value = "groq"
        await world.until(lambda: url_of(form) == "https://api.groq.com/openai/v1")
        put(form, name="fast", tags="team, cheap", offer="LiveKit, mcp", price_in="0.59")
        await answer(world, form)
        assert "wants a key" in str(form.query_one("#problem", Static).content)
        put(form, key=KEY)
        await world.pilot.pause()
        assert KEY[:8] not in world.shown
        await answer(world, form)
        await world.until(lambda: bool(world.session.submitted))
        assert KEY[:8] not in world.shown
    action_id, arguments, _ = world.session.submitted[0]
    assert action_id == "connection.add"
    assert arguments == {
        "name": "fast", "preset": "groq", "url": "https://api.groq.com/openai/v1", "tag": ["team", "cheap"],
        "livekit": True, "mcp": True, "price_in": "0.59",
    }  # fmt: skip
    assert world.session.sealed == [KEY]


async def test_turning_the_kind_leaves_an_address_that_was_typed() -> None:
    async with console(many()) as world:
        await open_view(world)
        form = await open_form(world, "n")
        kind = form.query_one("#connection-preset", TurnField)
        put(form, url="http://10.0.0.5:9000")
        kind.value = "vllm"
        await world.pilot.pause()
        assert form.query_one("#connection-url", Input).value == "http://10.0.0.5:9000"
        put(form, url="")
        kind.value = "ollama"
        await world.until(lambda: url_of(form) == "http://127.0.0.1:11434")


async def test_the_models_of_a_server_are_listed_where_the_model_is_chosen() -> None:
    session = HeldSession()
    session.answers["connection.offers"] = [{"id": name} for name in ("qwen3:4b", "llama3.2:3b", "llama3.1:8b")]
    async with console(many(), session=session) as world:
        await open_view(world)
        form = await open_form(world, "n")
        form.query_one("#connection-preset", TurnField).value = "ollama"
        form.query_one("#connection-model").focus()
        await world.until(lambda: "3 offered: qwen3:4b, llama3.2:3b" in world.shown)
        await world.press(*"llama3.2")
        await world.until(lambda: "1 of 3: llama3.2:3b" in world.shown)
        await world.press("right")
        assert form.query_one("#connection-model", Input).value == "llama3.2:3b"


async def test_a_providers_models_are_listed_by_the_key_that_was_typed() -> None:
    session = HeldSession()
    asked: list[JsonObject] = []

    async def query(action_id: str, arguments: Mapping[str, Json]) -> Json:
        asked.append({"action": action_id, **arguments})
        return [{"id": "llama-3.3-70b"}]

    session.query = query  # type: ignore[method-assign]
    async with console(many(), session=session, size=(120, 40)) as world:
        await open_view(world)
        form = await open_form(world, "n")
        form.query_one("#connection-preset", TurnField).value = "groq"
        form.query_one("#connection-model").focus()
        await world.until(lambda: "once its key stands above" in world.shown)
        assert asked == []
        put(form, key=KEY)
        form.query_one("#connection-key").focus()
        await world.press("down")
        await world.until(lambda: form.query_one("#connection-model", Input).value == "llama-3.3-70b")
        assert asked == [
            {"action": "connection.offers", "url": "https://api.groq.com/openai/v1", "preset": "groq", "typed_key": KEY}
        ]
        assert KEY not in world.shown


async def test_the_form_is_not_opened_for_several_at_once() -> None:
    async with console(many()) as world:
        await open_view(world)
        await world.press("space", "down", "space", "e")
        await world.until(lambda: "one connection at a time" in world.jobs)
        assert not isinstance(world.app.screen, ConnectionForm)


@pytest.mark.parametrize(
    ("typed", "tags"),
    [("lab prod", ["lab", "prod"]), ("lab, on rent", ["lab", "on rent"]), ("lab,", ["lab"]), ("", [])],
)
async def test_tags_stand_between_commas_or_blanks(typed: str, tags: list[str]) -> None:
    assert tags_in(typed) == tags


async def test_the_page_tells_every_price_that_is_kept() -> None:
    options = {"input_nano_usd": 2_000_000_000, "output_nano_usd": 10_000_000_000, "cached_nano_usd": 200_000_000,
               "api_version": "2024-10-21"}  # fmt: skip
    async with console(reading(connections=[connection_row("lab", options=options)]), size=(120, 40)) as world:
        await open_view(world)
        await world.press("enter")
        await world.until(lambda: "$2 in, $10 out, $0.2 from a cache" in world.shown)
        assert "2024-10-21" in world.shown


async def test_a_server_that_does_not_tell_its_models_is_added_all_the_same() -> None:
    async with console(many()) as world:
        await open_view(world)
        form = await open_form(world, "n")
        form.query_one("#connection-preset", TurnField).value = "vllm"
        form.query_one("#connection-model").focus()
        await world.until(lambda: "No agent is running." in world.shown)
        put(form, name="mine", model="llama")
        await answer(world, form)
        await world.until(lambda: bool(world.session.submitted))
    assert world.session.submitted[0][1]["model"] == "llama"


async def test_only_what_was_changed_is_handed_over_and_an_emptied_option_is_taken_back() -> None:
    options = {"timeout_seconds": 60, "temperature": "0.2", "headers": [["X-Title", "console"]]}
    row = connection_row("lab", options=options, tags=["a", "b"], flags=["mcp"], has_key=1)
    async with console(reading(connections=[row])) as world:
        await open_view(world)
        form = await open_form(world, "e")
        assert "kept" in form.query_one("#connection-key", Input).placeholder
        put(form, name="lab-2", temperature="", tags="b, c", offer="livekit", header="")
        await answer(world, form)
        await world.until(lambda: bool(world.session.submitted))
    action_id, arguments, _ = world.session.submitted[0]
    assert action_id == "connection.edit"
    assert arguments == {
        "name": "connection-lab", "rename": "lab-2", "temperature": "none", "header": ["X-Title="], "tag": ["c"],
        "no_tag": ["a"], "livekit": True, "no_mcp": True,
    }  # fmt: skip
    assert not world.session.sealed, "the key stays the one that is kept"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"url": "http://127.0.0.1:8000/v1?key=1", "name": "x"}, "may hold no ? or #"),
        ({"url": "[::1", "name": "x"}, "“[::1” is not an address"),
        ({"url": "http://127.0.0.1:8000", "name": ""}, "cannot be a connection's name"),
        ({"url": "http://127.0.0.1:8000", "name": "x", "temperature": "hot"}, "is not a temperature"),
        ({"url": "http://127.0.0.1:8000", "name": "x", "offer": "everyone"}, "nothing a connection is offered to"),
        ({"url": "http://127.0.0.1:8000", "name": "x", "header": "Authorization=Bearer x"}, "would hold a key"),
    ],
)
async def test_what_would_be_refused_is_said_in_the_form(values: dict[str, str], told: str) -> None:
    async with console(many()) as world:
        await open_view(world)
        form = await open_form(world, "n")
        put(form, **values)
        await answer(world, form)
        assert told in " ".join(str(form.query_one("#problem", Static).content).split())
        assert not world.session.submitted


async def test_a_console_that_only_reads_binds_nothing_that_changes() -> None:
    async with console(many(), session=HeldSession(read_only=True)) as world:
        await open_view(world)
        await world.press("n", "x", "l", "t", "e")
        assert isinstance(world.app.screen, ConnectionsScreen)
        assert not world.session.submitted


async def test_an_empty_view_says_how_to_add_one() -> None:
    async with console(reading()) as world:
        await open_view(world)
        assert "n adds one, f looks for what is here" in world.shown


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_a_strange_name_breaks_no_view(size: tuple[int, int]) -> None:
    strange = "模型" * 100
    row = connection_row(strange, kind="from-the-future", model="\x1b[31m" + "m" * 300, tags=["標籤" * 30],
                         problem="x" * 400, state="down", options={"headers": 3}, description="d" * 300)  # fmt: skip
    session = HeldSession()
    session.answers["connection.models"] = []
    async with console(reading(connections=[row]), session=session, size=size) as world:
        await open_view(world)
        assert "from" in world.shown or size[0] == 40
        await world.press("d")
        await world.press("escape", "enter")
        await world.until(lambda: isinstance(world.view, ConnectionScreen))
        assert "\x1b" not in world.shown
        form = await open_form(world, "e")
        await world.press("escape")
        await world.until(lambda: not form.is_attached)


async def test_ten_thousand_connections_are_shown_and_searched_without_a_wait() -> None:
    crowd = [connection_row(f"c{number:05}", tags=[f"t{number % 9}"], flags=["mcp"]) for number in range(10_000)]
    async with console(reading(connections=crowd)) as world:
        began = time.process_time()
        view = await open_view(world)
        view.apply_filter("tag:t3 c0001")
        took = time.process_time() - began
        assert names(world) == ["c00012"]
        assert took < 2.5


async def test_keys_lead_from_field_to_field_of_a_form_that_scrolls_and_hand_it_over_from_any() -> None:
    async with console(many(), size=(80, 24)) as world:
        await open_view(world)
        form = await open_form(world, "n")
        await world.press("down")
        assert form.focused is form.query_one("#connection-url")
        await world.press("up", "enter")
        assert form.focused is form.query_one("#connection-url"), "enter goes on from what is turned too"
        for name in ("key", "model", "name"):
            await world.press("down")
            assert form.focused is form.query_one(f"#connection-{name}")
        put(form, url="http://127.0.0.1:9000", name="mine")
        await world.press("ctrl+l")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["name"] == "mine"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("kind=openai", ["own", "off"]),
        ("kind=openai-compatible", ["like"]),
        ("status=held-back", ["tired"]),
        ("status=active kind=openai", ["own"]),
        ("source=container", ["like"]),
        ("source=none kind=openai-compatible", []),
        ("source=none status=error", ["groq"]),
        ("tag=lab", ["vllm-lab"]),
    ],
)
async def test_words_after_the_views_name_narrow_to_exactly_those(words: str, found: list[str]) -> None:
    own = connection_row("own", kind="openai")
    like = connection_row("like", kind="openai-compatible", source="container:lab-1/none")
    async with console(many(own, like, connection_row("cloud", kind="azure"))) as world:
        await world.press("colon", *f"connections {words}", "enter")
        await world.until(lambda: isinstance(world.view, ConnectionsScreen) and names(world) == found)


async def test_words_open_the_views_and_the_form() -> None:
    async with console(many()) as world:
        await open_view(world)
        world.app.perform("connection.list", [], {"tag": "lab"})
        await world.until(lambda: bool(world.view.query("#connections")) and names(world) == ["vllm-lab"])
        given: dict[str, Json] = {"name": "quick", "preset": "groq", "model": "llama"}
        world.app.perform("connection.add", [], given)
        await world.until(lambda: isinstance(world.app.screen, ConnectionForm))
        form = world.app.screen
        assert form.query_one("#connection-name", Input).value == "quick"
        assert form.query_one("#connection-url", Input).value == "https://api.groq.com/openai/v1"
        await world.press("escape")
        world.app.perform("connection.edit", [], {"name": "groq", "timeout": "5"})
        await world.until(lambda: bool(world.session.submitted))
    about = "connection-groq"
    assert world.session.submitted == [("connection.edit", {"name": about, "timeout": "5"}, about)]


@pytest.mark.parametrize(
    ("size", "told"), [((120, 40), "Connections  1 of 4 healthy"), ((80, 24), "1/4 connections"), ((40, 12), "1/1")]
)
async def test_home_says_how_many_connections_are_well(size: tuple[int, int], told: str) -> None:
    full = many()._replace(instances=[machine("m")])
    async with console(full, size=size) as world:
        cards = world.view.query_one(CardLine).text
        assert told in cards
        assert len(cards) <= size[0]
