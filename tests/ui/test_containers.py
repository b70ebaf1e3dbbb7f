"""The containers table: what stands first, what a host that is down looks like, and what keys do to rows."""

from __future__ import annotations

from typing import Any

import pytest

from aicompute_tui.store.rows import ContainerRow, Snapshot
from aicompute_tui.ui.container_columns import image_text, port_text
from aicompute_tui.ui.outcomes import outcome
from aicompute_tui.ui.references import find_row
from aicompute_tui.ui.screens.containers import ContainersScreen
from aicompute_tui.ui.screens.hosts import HostsScreen
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import (
    MINUTE,
    NOW,
    Console,
    HeldSession,
    console,
    container_row,
    host_row,
    job,
    machine,
    reading,
)
from tests.ui.fleet import fleet

DOWN = {"state": "down", "since": NOW - 14 * MINUTE, "read_at": NOW - 14 * MINUTE, "problem": "lab-2 is silent."}


def small(**changes: Any) -> Snapshot:
    """One container on a host that answers, one on a host that does not, and a machine."""
    rows = [container_row("ollama", **changes), container_row("comfy", "lab-2")]
    return reading([machine("m")], hosts=[host_row("lab-1"), host_row("lab-2", **DOWN)], containers=rows)


def table(world: Console) -> VirtualTable[ContainerRow]:
    found: VirtualTable[ContainerRow] = world.view.query_one("#containers", VirtualTable)
    return found


def names(world: Console) -> list[str]:
    return [table(world).rows[row_id].name for row_id in table(world).order]


def key(name: str, host: str = "lab-1") -> str:
    return container_row(name, host).key


@pytest.mark.asyncio
async def test_trouble_comes_first_and_what_cannot_be_seen_last() -> None:
    async with console(fleet()) as world:
        await world.press("3")
        assert names(world) == [
            "proxy", "flux-try", "tei-bge", "half-made", "ollama-main", "openwebui", "old-job", "comfy",
        ]  # fmt: skip
        assert world.header.strip().startswith("aic-tui  Containers")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("size", "said"), [((120, 40), ["? unknown", "host down 14m"]), ((80, 24), ["? host down", "14m"])]
)
async def test_a_container_of_a_host_that_is_down_says_so_and_for_how_long(
    size: tuple[int, int], said: list[str]
) -> None:
    async with console(small(), size=size) as world:
        await world.press("3")
        line = world.line(table(world), 2)
        assert line.strip().startswith("comfy")
        assert all(each in line for each in said)
        assert "11434" not in line
        world.session.moved_clock.move(hours=2)
        world.view.pass_minute()
        assert "2h14" in world.line(table(world), 2)


@pytest.mark.asyncio
@pytest.mark.parametrize(("width", "shown"), [(80, ("not read", "14m")), (120, ("healthy", "not read 14m"))])
async def test_a_container_of_a_host_that_nobody_reads_says_for_how_long(width: int, shown: tuple[str, ...]) -> None:
    rows = reading(hosts=[host_row("lab-1")], containers=[container_row("ollama")])
    async with console(rows, size=(width, 24)) as world:
        await world.press("3")
        assert "not read" not in world.line(table(world), 1)
        world.session.moved_clock.move(minutes=14)
        world.view.pass_minute()
        await world.pilot.pause()
        told = world.line(table(world), 1)
        for part in shown:
            assert part in told
        world.session.hand_in(rows._replace(hosts=[host_row("lab-1", read_at=NOW + 14 * MINUTE)]))
        await world.until(lambda: "not read" not in world.line(table(world), 1))


@pytest.mark.asyncio
async def test_rows_follow_the_store_with_the_cursor_on_its_row() -> None:
    async with console(fleet()) as world:
        await world.press("3", "down", "down")
        assert table(world).cursor_id == key("tei-bge")
        now = fleet()
        healthy = [row._replace(health="healthy") if row.name == "tei-bge" else row for row in now.containers]
        world.session.hand_in(now._replace(containers=healthy))
        assert table(world).cursor_id == key("tei-bge")
        assert names(world)[2] == "half-made"
        assert "● healthy" in world.line(table(world), 1 + names(world).index("tei-bge"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("host:lab-2", {"comfy"}),
        ("@lab-2", {"comfy"}),
        ("@*-2", {"comfy"}),
        ("@lab-*", {row.name for row in fleet().containers}),
        ("@lab-3*", set()),
        ("state:unhealthy", {"tei-bge"}),
        ("state:down", {"comfy"}),
        ("image:vllm", {"flux-try", "half-made"}),
        ("port:3000", {"openwebui"}),
        ("restarts>3", {"proxy"}),
        ("ghcr 8081", {"tei-bge"}),
        ("!lab-1", {"comfy"}),
    ],
)
async def test_the_filter_knows_hosts_states_images_and_ports(text: str, shown: set[str]) -> None:
    async with console(fleet()) as world:
        await world.press("3")
        world.view._filter(text)
        assert set(names(world)) == shown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("pressed", "action", "more"),
    [("u", "container.start", {}), ("p", "container.pause", {}), ("P", "container.unpause", {})],
)
async def test_a_verb_that_loses_nothing_is_handed_over_at_once(
    pressed: str, action: str, more: dict[str, Any]
) -> None:
    state = {"u": "exited", "p": "running", "P": "paused"}[pressed]
    async with console(small(state=state, health="none")) as world:
        await world.press("3", pressed)
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted == [(action, {"names": [key("ollama")], **more}, key("ollama"))]


@pytest.mark.asyncio
async def test_marked_containers_are_stopped_together_after_one_question() -> None:
    async with console(fleet()) as world:
        await world.press("3", "end", "up", "up", "up", "space", "space")
        assert len(table(world).marked_ids) == 2
        await world.press("x")
        assert "Stop 2 containers?" in world.shown
        assert "ollama-main  on lab-1, running" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        (action_id, arguments, subject) = world.session.submitted[0]
        assert (action_id, subject) == ("container.stop", None)
        assert arguments == {"names": [key("ollama-main"), key("openwebui")]}
        assert not table(world).marked_ids


@pytest.mark.asyncio
@pytest.mark.parametrize(("turned", "volumes"), [([], False), (["up", "right", "down"], True)])
async def test_its_volumes_go_with_it_only_where_that_was_chosen(turned: list[str], volumes: bool) -> None:
    async with console(small()) as world:
        await world.press("3", "t")
        assert "loses" in world.shown
        assert "keep them" in world.shown
        await world.press(*turned, "right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][:2] == ("container.remove", {"names": [key("ollama")], "volumes": volumes})


@pytest.mark.asyncio
async def test_what_was_asked_about_goes_whatever_takes_its_name_meanwhile() -> None:
    async with console(small()) as world:
        world.app.perform("container.remove", [], {"names": ["ollama"]})
        await world.until(lambda: "Remove ollama?" in world.shown)
        other = container_row("ollama", id="f" * 64)
        world.session.hand_in(reading(hosts=[host_row("lab-1")], containers=[other]))
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["names"] == [key("ollama")]


@pytest.mark.asyncio
async def test_a_name_that_no_row_bears_is_refused_before_any_question() -> None:
    async with console(small()) as world:
        world.app.perform("container.remove", [], {"names": ["nobody"]})
        await world.until(lambda: "There is no container “nobody” here." in world.shown)
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_enter_on_the_question_keeps_the_container() -> None:
    async with console(small()) as world:
        await world.press("3", "t", "enter")
        assert world.session.submitted == []
        assert isinstance(world.app.screen, ContainersScreen)


@pytest.mark.asyncio
async def test_kill_sends_the_signal_that_was_turned_to() -> None:
    async with console(small()) as world:
        await world.press("3", "K", "up", "h", "down", "right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["signal"] == "HUP"


@pytest.mark.asyncio
async def test_a_new_name_is_asked_for_and_a_bad_one_refused() -> None:
    async with console(small()) as world:
        await world.press("3", "R")
        await world.until(lambda: "Rename ollama on lab-1" in world.shown)
        await world.press("enter")
        assert "called ollama already" in world.shown
        await world.press("exclamation_mark", "enter")
        assert "letters, digits" in world.shown
        await world.press("backspace", "2", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1] == {"name": key("ollama"), "new_name": "ollama2"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("pressed", "changes", "said"),
    [
        ("u", {}, "ollama runs already"),
        ("x", {"state": "exited", "exit_code": 0}, "does not run: it is exited"),
        ("K", {"state": "created"}, "does not run"),
        ("s", {"state": "paused"}, "P lets it go on"),
        ("P", {}, "is not paused"),
        ("p", {"state": "paused"}, "paused already"),
    ],
)
async def test_what_cannot_be_done_is_refused_before_any_question(
    pressed: str, changes: dict[str, Any], said: str
) -> None:
    async with console(small(**changes)) as world:
        await world.press("3", pressed)
        assert said in world.jobs
        assert isinstance(world.app.screen, ContainersScreen)
        assert world.session.submitted == []


@pytest.mark.asyncio
@pytest.mark.parametrize("pressed", ["u", "x", "b", "p", "P", "K", "t", "R", "s", "l"])
async def test_nothing_is_asked_of_a_host_that_is_down(pressed: str) -> None:
    async with console(small()) as world:
        await world.press("3", "down")
        assert table(world).cursor_id == key("comfy", "lab-2")
        await world.press(pressed)
        assert "lab-2 does not answer; it last did 14m ago" in world.jobs
        assert isinstance(world.app.screen, ContainersScreen)
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_a_container_is_no_machine_and_a_machine_no_container() -> None:
    async with console(small()) as world:
        world.app.perform("container.stop", ["id-m"])
        assert "m is a machine" in world.jobs
        world.app.perform("instance.terminate", [key("ollama")])
        assert "lab-1/ollama is a container" in world.jobs
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_by_word_a_container_goes_by_its_name_or_that_of_its_host_too() -> None:
    async with console(small()) as world:
        await world.press("colon", *"container-pause lab-1/ollama", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1] == {"names": [key("ollama")]}


def test_of_two_of_one_name_none_is_taken_whether_their_hosts_answer_or_not() -> None:
    session = HeldSession()
    both = [container_row("twin"), container_row("twin", "lab-2")]
    session.state.apply(reading(hosts=[host_row("lab-1"), host_row("lab-2", **DOWN)], containers=both))
    assert find_row(session.state, "twin", "containers") is None
    session.state.apply(reading(hosts=[host_row("lab-1"), host_row("lab-2")], containers=both))
    assert find_row(session.state, "twin", "containers") is None
    assert find_row(session.state, "lab-2/twin", "containers") == key("twin", "lab-2")
    assert find_row(session.state, key("twin"), "containers") == key("twin")


@pytest.mark.asyncio
async def test_an_empty_table_invites() -> None:
    session = HeldSession()
    async with console(reading([machine("m")]), session=session) as world:
        await world.press("3")
        assert ":hosts adds one" in world.shown
        session.answers["host.list"] = [{"name": "local", "state": "found", "url": "unix:///run/docker.sock"}]
        await world.press("1", "3")
        await world.until(lambda: "Found here: local" in world.shown)
        session.hand_in(reading([machine("m")], hosts=[host_row("lab-1"), host_row("lab-2", **DOWN)]))
        await world.until(lambda: "No container on 2 hosts, 1 of them down.  n deploys one" in world.shown)


@pytest.mark.asyncio
async def test_copied_compared_and_exported_like_every_table() -> None:
    async with console(fleet()) as world:
        await world.press("3")
        assert world.view.copied_text() == (container_row("proxy").id, "id")
        await world.press("space", "space", "v")
        assert "2 compared" in world.header


@pytest.mark.asyncio
async def test_home_counts_containers_only_where_there_is_a_host() -> None:
    async with console(reading([machine("m")])) as world:
        assert "ontainer" not in world.shown.splitlines()[2]
        world.session.hand_in(small())
        await world.until(lambda: "Containers  1 on 1 of 2 hosts" in world.shown)
    async with console(small(), size=(80, 24)) as world:
        assert "1 container" in world.shown


@pytest.mark.asyncio
async def test_a_need_of_a_container_takes_its_own_keys_and_opens_its_place() -> None:
    async with console(small(health="unhealthy")) as world:
        await world.press("up", "down")
        needs = world.view.query_one("#needs", VirtualTable)
        assert world.app.focused is needs
        assert "lab-1/ollama" in world.line(needs, 2)
        assert "b restart" in world.line(needs, 2)
        assert "b restart" in world.footer
        await world.press("b")
        assert "Restart ollama?" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][0] == "container.restart"
        await world.press("enter")
        assert isinstance(world.view, ContainersScreen)
        assert table(world).cursor_id == key("ollama")


@pytest.mark.asyncio
async def test_a_need_of_a_host_opens_the_hosts_and_a_machines_keys_come_back() -> None:
    async with console(small(health="unhealthy")) as world:
        await world.press("up")
        assert "enter open" in world.footer
        await world.press("b")
        assert "lab-2 is a container host" in world.jobs
        await world.press("enter")
        assert isinstance(world.view, HostsScreen)
        assert world.view.table.cursor_id == "host-lab-2"


def test_what_became_of_a_container_is_told_by_its_name() -> None:
    session = HeldSession()
    session.state.apply(small())
    done = job("container.stop", "done", subject=key("ollama"))
    assert outcome(done, session.state, NOW) == "Stop lab-1/ollama: done"
    assert outcome(done._replace(subject=None), session.state, NOW) == "Stop containers: done"


def test_ports_and_images_are_told_short() -> None:
    assert port_text('[[8080, "tcp", "0.0.0.0", 3000], [8080, "tcp", "::", 3000], [53, "udp", "", 53]]') == (
        "3000→8080 53/udp"
    )
    assert port_text('[[80, "tcp", "", null]]') == ""
    assert image_text("ghcr.io/open-webui/open-webui:main") == "open-webui/open-webui:main"
    assert image_text("localhost:5000/mine:1") == "mine:1"
    assert image_text("ollama/ollama:0.33") == "ollama/ollama:0.33"
    assert image_text("sha256:" + "ab" * 32) == "ab" * 6


def test_a_container_is_titled_by_its_host_and_name() -> None:
    session = HeldSession()
    session.state.apply(small())
    assert session.state.title_of(key("ollama")) == "lab-1/ollama"
    assert session.state.title_of("host-lab-2") == "lab-2"
    assert session.state.title_of("id-m") == ""
