"""The hosts view: how each host answers and what is to be done, verdicts of a test, and the form that adds one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui.screens.host_form import HostForm
from aicompute_tui.ui.screens.hosts import HostsScreen
from aicompute_tui.ui.widgets.record_pane import RecordPane
from tests.ui.console_world import MINUTE, NOW, Console, HeldSession, console, host_row, machine, reading

FOUND: JsonObject = {
    "id": None, "name": "local", "kind": "docker", "url": "unix:///run/docker.sock", "state": "found",
    "problem": "Found by /run/docker.sock, not added.", "next_step": "aic-tui host add local",
}  # fmt: skip


def hosts(**changes: object) -> Snapshot:
    """A Docker engine over TLS that answers, and one over ssh that does not."""
    down: JsonObject = {
        "state": "down", "since": NOW - 14 * MINUTE, "problem": "lab-2 is silent.", "next_step": "Is it on?",
    }  # fmt: skip
    rows = [host_row("lab-1", url="tcp://lab-1:2376"), host_row("lab-2", **{**down, **changes})]
    return reading([machine("m")], hosts=rows)


async def open_hosts(world: Console) -> HostsScreen:
    world.app.open_view("host.list")
    await world.pilot.pause()
    assert isinstance(world.view, HostsScreen)
    return world.view


async def open_form(world: Console) -> HostForm:
    await world.press("a")
    await world.until(lambda: isinstance(world.app.screen, HostForm))
    form = world.app.screen
    assert isinstance(form, HostForm)
    return form


def asked(form: HostForm) -> list[str]:
    """The fields that can be filled in."""
    return [(each.id or "").removeprefix("host-") for each in form.query(Input) if each.parent and each.parent.display]


@pytest.mark.asyncio
async def test_each_host_says_how_it_answers_and_the_worst_stands_first() -> None:
    async with console(hosts()) as world:
        view = await open_hosts(world)
        first, second = world.line(view.table, 1), world.line(view.table, 2)
        assert "lab-2" in first
        assert "✕ down 14m" in first
        for part in ("● up", "Docker 29.1.3", "2 × A10G", "runc nvidia", "412", "3/4"):
            assert part in second
        pane = view.query_one(RecordPane).text
        assert "lab-2 is silent." in pane
        assert "Is it on?" in pane
        await world.press("down")
        assert "API 1.52" in view.query_one(RecordPane).text


@pytest.mark.asyncio
async def test_a_host_that_nobody_reads_is_dim_with_its_age_and_what_to_do() -> None:
    async with console(reading(hosts=[host_row("lab-1")])) as world:
        view = await open_hosts(world)
        world.session.moved_clock.move(minutes=2)
        world.view.pass_minute()
        assert "● up  " in world.line(view.table, 1)
        world.session.moved_clock.move(minutes=12)
        world.view.pass_minute()
        await world.until(lambda: "● up ·14m" in world.line(view.table, 1))
        pane = view.query_one(RecordPane).text
        assert "was not read for 14m" in pane
        assert "aic-tui agent" in pane


@pytest.mark.asyncio
async def test_a_device_name_is_told_as_what_it_is_and_not_as_a_model() -> None:
    gpus: JsonObject = {"gpus": ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]}
    async with console(reading(hosts=[host_row("lab-1", facts=gpus)])) as world:
        view = await open_hosts(world)
        assert "nvidia.com" not in world.line(view.table, 1)
        assert "2, models unknown (asked for by device name" in view.query_one(RecordPane).text


@pytest.mark.asyncio
async def test_a_host_that_comes_back_turns_green_by_itself() -> None:
    async with console(hosts()) as world:
        view = await open_hosts(world)
        world.session.hand_in(hosts(state="up", problem="", since=NOW))
        await world.until(lambda: "down" not in world.shown)
        assert view.table.cursor_id == "host-lab-2"


@pytest.mark.asyncio
async def test_enter_tests_a_host_and_its_verdicts_stand_below() -> None:
    session = HeldSession()
    session.answers["host.test"] = {
        "ok": True,
        "checks": [{"name": "disk", "verdict": "warning", "reason": "12.0 GiB free", "next_step": "Free some space."}],
    }
    async with console(hosts(), session=session) as world:
        view = await open_hosts(world)
        await world.press("down", "enter")
        await world.until(lambda: "lab-1 answers." in world.jobs)
        pane = view.query_one(RecordPane).text
        assert "⚠ warning disk: 12.0 GiB free" in pane
        assert "Free some space." in pane
        await world.press("up")
        assert "Free some space." not in view.query_one(RecordPane).text


@pytest.mark.asyncio
async def test_one_that_does_not_answer_the_test_says_why() -> None:
    session = HeldSession()
    session.answers["host.test"] = {"ok": False, "problem": "lab-1 refuses.", "checks": []}
    async with console(hosts(), session=session) as world:
        await open_hosts(world)
        await world.press("enter")
        await world.until(lambda: "lab-1 refuses." in world.jobs)


@pytest.mark.asyncio
async def test_a_host_is_removed_by_its_id_after_a_question() -> None:
    async with console(hosts()) as world:
        await open_hosts(world)
        await world.press("t")
        assert "Remove the host lab-2?" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][:2] == ("host.remove", {"name": "host-lab-2"})


@pytest.mark.asyncio
async def test_a_key_is_forgotten_only_of_a_host_reached_over_ssh() -> None:
    async with console(hosts()) as world:
        await open_hosts(world)
        await world.press("down", "f")
        assert "lab-1 is not reached over ssh" in world.jobs
        await world.press("up", "f")
        assert "Forget the key of lab-2?" in world.shown


@pytest.mark.asyncio
async def test_a_found_host_is_offered_and_added_by_its_name_alone() -> None:
    session = HeldSession()
    session.answers["host.list"] = [FOUND]
    async with console(hosts(), session=session) as world:
        view = await open_hosts(world)
        await world.until(lambda: len(view.table.order) == 3)
        await world.press("end", "t")
        assert "only found here" in world.jobs
        await world.press("enter")
        await world.until(lambda: isinstance(world.app.screen, HostForm))
        assert "unix:///run/docker.sock" in world.shown
        world.app.screen.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(session.submitted))
        assert session.submitted == [("host.add", {"name": "local", "kind": "docker"}, None)]


@pytest.mark.asyncio
async def test_the_form_asks_only_what_the_address_has_a_use_for() -> None:
    async with console(hosts()) as world:
        await open_hosts(world)
        form = await open_form(world)
        url = form.query_one("#host-url", Input)
        assert asked(form) == ["name", "url"]
        url.value = "ssh://ops@lab"
        await world.until(lambda: asked(form) == ["name", "url", "ssh-key", "address"])
        url.value = "tcp://lab:2376"
        tls = ["tls-folder", "tls-ca", "tls-cert", "tls-key", "tls-pin"]
        await world.until(lambda: asked(form)[2:] == [*tls, "address"])
        form.query_one("#host-kind").focus()
        await world.press("p")
        await world.until(lambda: asked(form) == ["name", "url", "token", "tls-ca", "environment", "address"])


@pytest.mark.asyncio
async def test_only_the_label_of_the_field_in_focus_stands_out() -> None:
    async with console(hosts()) as world:
        await open_hosts(world)
        form = await open_form(world)
        for at in range(3):
            labels = [label for label in form.query(".form-label") if label.parent and label.parent.display]
            assert [each.styles.text_style.bold for each in labels] == [place == at or None for place in range(3)]
            await world.press("down")


@pytest.mark.asyncio
async def test_files_are_looked_for_and_handed_over_whole(tmp_path: Path) -> None:
    key = tmp_path / "key"
    async with console(hosts()) as world:
        await open_hosts(world)
        form = await open_form(world)
        for name, value in (("name", "box"), ("url", "ssh://ops@lab"), ("ssh-key", str(key))):
            form.query_one(f"#host-{name}", Input).value = value
        await world.pilot.pause()
        form.query_one("#go").focus()
        await world.press("enter")
        assert "There is no file" in world.shown
        key.write_text("a key")
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        arguments = {"name": "box", "kind": "docker", "url": "ssh://ops@lab", "ssh_key": str(key)}
        assert world.session.submitted == [("host.add", arguments, None)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("", "tcp://a:1", "cannot be a host's name"),
        ("box", "", "It has no address"),
        ("box", "tcp://a", "has no port"),
        ("box", "tcp://[::1", "is not an address"),
        ("box", "ftp://a", "no way to a container engine"),
    ],
)
async def test_what_cannot_be_an_address_is_said_in_the_form(name: str, url: str, said: str) -> None:
    async with console(hosts()) as world:
        await open_hosts(world)
        form = await open_form(world)
        form.query_one("#host-name", Input).value = name
        form.query_one("#host-url", Input).value = url
        await world.pilot.pause()
        form.query_one("#go").focus()
        await world.press("enter")
        assert said in world.shown
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_a_token_is_masked_sealed_and_never_an_argument() -> None:
    async with console(hosts()) as world:
        await open_hosts(world)
        await open_form(world)
        await world.press(*"office", "down", "p", "down", *"https://office:9443", "down", *"ptr_secret")
        assert "ptr_secret" not in world.shown
        world.app.screen.query_one("#go").focus()
        await world.press("enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.sealed == ["ptr_secret"]
        arguments = {"name": "office", "kind": "portainer", "url": "https://office:9443"}
        assert world.session.submitted == [("host.add", arguments, None)]


@pytest.mark.asyncio
async def test_read_only_adds_removes_and_forgets_nothing() -> None:
    session = HeldSession(read_only=True)
    session.answers["host.list"] = [FOUND]
    async with console(hosts(), session=session) as world:
        view = await open_hosts(world)
        await world.until(lambda: len(view.table.order) == 3)
        await world.press("a", "t", "f", "end", "enter")
        await world.until(lambda: "read-only" in world.jobs)
        assert isinstance(world.app.screen, HostsScreen)
        assert session.submitted == []
