"""The health of connections and servers: on their pages, as lists, and how old it is where nobody checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.ui import live_stream
from aicompute_tui.ui.glyphs import ASCII
from aicompute_tui.ui.screens.connection import ConnectionScreen
from aicompute_tui.ui.screens.health import ConnectionChecksScreen, ConnectionHealthScreen, ServerHealthScreen
from aicompute_tui.ui.screens.server import ServerScreen
from aicompute_tui.ui.view_stack import Place
from aicompute_tui.ui.widgets.connection_cards import ConnectionCards
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.health_panel import HealthPanel
from aicompute_tui.ui.widgets.text_line import TextLine
from tests.ui import health_world
from tests.ui.connection_world import connection_rows
from tests.ui.console_world import HOUR, NOW, START, Console, HeldSession, console, reading
from tests.ui.server_world import server_rows, watched

pytestmark = pytest.mark.asyncio
SIZES = [(80, 24), (120, 40)]
PAGES = [("connection.show", "connection-hosted large"), ("server.show", "server-vllm-llama")]


class AskedSession(HeldSession):
    """Remembers what was asked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.answers = health_world.answers()
        self.streamed = {"server.watch": watched()}
        self.asked: list[tuple[str, dict[str, Json]]] = []

    async def query(self, action_id: str, arguments: Any) -> Json:
        self.asked.append((action_id, dict(arguments)))
        return await super().query(action_id, arguments)

    def count(self) -> int:
        return sum(action_id.endswith(".health") for action_id, _ in self.asked)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "RETRY_SECONDS", (0.05,))


def world_of(size: tuple[int, int] = (120, 40), session: HeldSession | None = None, **changes: Any) -> Any:
    """`changes` are those of every row."""
    rows = [row._replace(**changes) for row in connection_rows()] if changes else connection_rows()
    servers = [row._replace(**changes) for row in server_rows()] if changes else server_rows()
    return console(reading(connections=rows, servers=servers), session=session or AskedSession(), size=size)


async def open_page(world: Console, page: tuple[str, str]) -> None:
    world.app.views.enter(Place(page[0], {"name": page[1]}))
    await world.until(lambda: isinstance(world.view, ConnectionScreen | ServerScreen) and bool(panel(world)))


def panel(world: Console) -> str:
    return "".join(each.text for each in world.view.query(HealthPanel))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_tells_latency_uptime_and_the_last_checks(page: tuple[str, str], size: tuple[int, int]) -> None:
    async with world_of(size) as world:
        await open_page(world, page)
        await world.until(lambda: "95.83 %" in panel(world))
        for part in ("120 of 2,880 checks failed", "184 ms", "p50 171 ms", "p95 420 ms", "7 d 99.40 %", "30 d –", "✕"):
            assert part in panel(world), part
        assert "up since 11-18" in panel(world)
        assert "●●●✕✕●●●" in panel(world)
        shown = world.view.query_one(HealthPanel).region
        assert 0 < shown.height <= 6
        assert world.app.size.height >= shown.bottom


async def test_bars_stand_out_where_checks_failed() -> None:
    async with world_of() as world:
        await open_page(world, PAGES[0])
        await world.until(lambda: "✕" in panel(world))
        chart = next(line for line in world.view.query_one("#health-lines", ContentLines)._lines if "p50" in line.plain)
        assert {str(span.style) for span in chart.spans} >= {"$error", "$primary"}


async def test_health_is_asked_only_while_a_page_is_looked_at() -> None:
    session = AskedSession()
    async with world_of(session=session) as world:
        await open_page(world, PAGES[0])
        await world.until(lambda: "95.83 %" in panel(world))
        await world.press("question_mark")
        asked = session.count()
        world.session.moved_clock.move(minutes=1)
        world.app._tick()
        world.session.hand_in(reading(connections=[row._replace(checked_at=NOW + 1) for row in connection_rows()]))
        await world.pilot.pause()
        assert session.count() == asked
        await world.press("escape")
        await world.until(lambda: session.count() == asked + 2)
        await world.press("escape")
        await world.until(lambda: not isinstance(world.view, ConnectionScreen | ServerScreen))
        world.session.moved_clock.move(minutes=1)
        world.app._tick()
        await world.painted()
        assert session.count() == asked + 2


async def test_without_an_agent_the_panel_says_so_in_a_line() -> None:
    async with world_of(session=HeldSession()) as world:
        await open_page(world, PAGES[0])
        await world.until(lambda: "HEALTH  No agent is running." in panel(world))
        assert world.view.query_one("#health-lines", ContentLines).text == ""


async def test_what_was_told_stays_when_the_agent_leaves_and_the_panel_says_so() -> None:
    session = AskedSession()
    async with world_of(session=session) as world:
        await open_page(world, PAGES[0])
        await world.until(lambda: "95.83 %" in panel(world))
        session.answers.clear()
        world.session.moved_clock.move(minutes=1)
        world.app._tick()
        await world.until(lambda: "HEALTH  No agent is running." in panel(world))
        assert "95.83 %" in panel(world)


async def test_one_that_was_never_checked_and_one_out_of_use_say_so() -> None:
    session = AskedSession()
    fresh = health_world.health("new", "x", state="waiting", since=None, latency_ms=None)
    session.answers["connection.health"] = [{**fresh, "samples": []}]
    async with world_of(session=session) as world:
        await open_page(world, PAGES[0])
        await world.until(lambda: "not checked yet" in panel(world))
        session.answers["connection.health"] = [{**fresh, "state": "inactive", "samples": []}]
        world.app._tick()
        world.view.tick()
        await world.until(lambda: "nobody checks it while it is out of use" in panel(world))


async def test_the_panel_stands_in_a_small_window_and_in_ascii() -> None:
    async with world_of((40, 24), AskedSession(glyphs=ASCII)) as world:
        for page in PAGES:
            await open_page(world, page)
            await world.until(lambda: "95.83 %" in panel(world))
            assert panel(world).isascii()
            assert all(len(line) <= 40 for line in world.shown.splitlines())


def young(**times: float) -> JsonObject:
    """One whose checks began so long ago, and never failed."""
    since = format_moment(START - timedelta(**times))
    counts: JsonObject = {f"uptime_{each}_checks": 24 for each in ("24h", "7d", "30d")}
    shares: JsonObject = {f"uptime_{each}_percent": 100.0 for each in ("24h", "7d", "30d")}
    return {**health_world.health("new", "x", **shares, **counts), "checked_since": since}


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        ({"minutes": 12}, "since 12m 100 % of 24"),
        ({"days": 3}, "24 h 100 % of 24   since 3d 100 % of 24"),
        ({"days": 29}, "24 h 100 % of 24   7 d 100 % of 24   30 d 100 % of 24"),
    ],
)
async def test_the_panel_says_how_much_of_its_windows_was_checked(times: dict[str, float], shown: str) -> None:
    session = AskedSession()
    session.answers["server.health"] = [{**young(**times), "samples": health_world.samples()}]
    async with world_of(session=session) as world:
        await open_page(world, PAGES[1])
        await world.until(lambda: f"uptime   {shown}\n" in panel(world))


# -- as lists


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_gives_no_share_of_days_that_were_not_checked(size: tuple[int, int]) -> None:
    session = AskedSession()
    session.answers["server.health"] = [young(minutes=12)]
    async with world_of(size, session) as world:
        await world.press(":", *"server-health", "enter")
        await world.until(lambda: "12m 100%" in world.shown)
        assert world.shown.count("100") == 1
        assert "24 checks in 12m" in world.shown


@pytest.mark.parametrize("size", SIZES)
async def test_the_health_of_all_is_a_list_that_fails_first_and_leads_to_each_page(size: tuple[int, int]) -> None:
    async with world_of(size) as world:
        for word, kind in (("connection-health", ConnectionHealthScreen), ("server-health", ServerHealthScreen)):
            await world.press(":", *word, "enter")
            await world.until(lambda kind=kind: isinstance(world.view, kind) and "95.83 %" in world.shown)
            lines = world.shown.splitlines()
            down, up = (next(place for place, line in enumerate(lines) if sign in line) for sign in ("✕ down", "● up"))
            assert down < up
            await world.press("enter")
            await world.until(lambda: isinstance(world.view, ConnectionScreen | ServerScreen))
            await world.press("escape")
            await world.until(lambda kind=kind: isinstance(world.view, kind))
            await world.press("escape")


async def test_a_check_of_connections_is_made_once_and_again_with_a_key() -> None:
    session = AskedSession()
    async with world_of(session=session) as world:
        await world.press(":", *"connection-check", "enter")
        await world.until(lambda: isinstance(world.view, ConnectionChecksScreen) and "✕ failed" in world.shown)
        for part in ("● answers", "184 ms", "does not accept the key", "--api-key-stdin"):
            assert part in world.shown, part
        await world.press("enter")
        await world.until(lambda: isinstance(world.view, ConnectionScreen))
        assert world.view.selected_ids() == ["connection-hosted mini"]
        await world.press("escape")
        await world.until(lambda: isinstance(world.view, ConnectionChecksScreen))
        assert [each for each, _ in session.asked].count("connection.check") == 1
        await world.press("ctrl+r")
        await world.until(lambda: [each for each, _ in session.asked].count("connection.check") == 2)


# -- how old it is


@pytest.mark.parametrize("size", SIZES)
async def test_what_nobody_checks_any_more_is_not_told_as_of_now(size: tuple[int, int]) -> None:
    async with world_of(size, checked_at=NOW - 3 * HOUR) as world:
        await world.press("4")
        await world.until(lambda: "3h ago" in world.shown)
        assert "● active" not in world.shown
        cards = world.view.query_one(ConnectionCards).text
        assert "active  0" in cards
        assert "not checked  3" in cards
        await world.press("5")
        await world.until(lambda: ("online ·3h" if size[0] > 100 else "3h ago") in world.shown)
        assert "● online " not in world.shown.replace("● online ·3h", "")
        assert "3 not checked" in world.view.query_one("#server-cards", TextLine).text


@pytest.mark.parametrize(
    ("agent", "step"),
    [("off", "No agent checks it now; start one: aic-tui agent."), ("on", "The agent has not come to it since.")],
)
async def test_a_page_of_one_that_nobody_checks_says_so_and_what_to_do(agent: Any, step: str) -> None:
    session = HeldSession()
    session.agent_state = agent
    async with world_of(checked_at=NOW - 3 * HOUR, session=session) as world:
        for page, head in zip(PAGES, ("#connection-head", "#server-facts"), strict=True):
            await open_page(world, page)
            told = world.view.query_one(head, ContentLines).text.replace("\n", " ")
            assert f"That is how it was 3h ago. {step}" in told
            assert "checked 3h ago" in told


async def test_home_says_of_servers_that_nobody_checks_them() -> None:
    async with world_of(checked_at=NOW - 3 * HOUR) as world:
        await world.until(lambda: "not checked for 3h" in world.shown)
        assert "41" not in world.parts("#home-servers")
