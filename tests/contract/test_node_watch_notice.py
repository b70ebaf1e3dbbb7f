"""What the watch of a machine does, run for real, when the cloud takes the machine back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.watch_answers import ollama, vllm
from tests.contract.watch_world import HANGS, START, Watched
from tests.contract.watched_machine import machine, real_machine
from tests.waiting import until

__all__ = ["machine", "real_machine"]
NOTICE = "spot/instance-action"


def notice(at: datetime) -> tuple[int, str]:
    return 200, f'{{"action": "terminate", "time": "{at:%Y-%m-%dT%H:%M:%SZ}"}}'


def in_two_minutes() -> tuple[int, str]:
    return notice(datetime.now(tz=UTC) + timedelta(minutes=2))


async def is_watching(machine: Watched) -> None:
    machine.start()
    await until((machine.folder / "run/aic-tui/activity").exists, "a first look")


async def has_read_notice(machine: Watched, at: tuple[int, str]) -> float:
    machine.metadata[NOTICE] = at
    machine.tell_surroundings()
    file = machine.folder / "run/aic-tui/notice"
    await until(file.exists, "the notice is told", seconds=60)
    return time.monotonic()


async def has_ended(machine: Watched, within: float = 40) -> None:
    await until(lambda: machine.has_ended, "shutdown is called", seconds=within)


@pytest.mark.asyncio
async def test_notice_without_work_ends_the_machine_at_once(real_machine: Watched) -> None:
    machine = real_machine
    machine.configure("vllm")
    machine.server = vllm()
    await is_watching(machine)
    assert machine.activity()["notice"] == ""
    await has_read_notice(machine, in_two_minutes())
    await until(
        lambda: machine.activity()["notice"].startswith("The cloud takes this machine back at 20"), "it says so"
    )
    await has_ended(machine)
    assert [call.split()[0] for call in machine.calls()] == ["iptables", "docker", "shutdown"]
    assert "--dport 8000 --syn -j REJECT" in machine.calls()[0]
    assert machine.calls()[1] == "docker stop -t 2 aic-tui-framework"


@pytest.mark.asyncio
async def test_notice_on_a_machine_without_framework_ends_it_at_once(real_machine: Watched) -> None:
    await is_watching(real_machine)
    await has_read_notice(real_machine, in_two_minutes())
    await has_ended(real_machine)
    assert real_machine.calls() == ["shutdown -h now"]


@pytest.mark.parametrize("framework", ["vllm", "ollama"])
@pytest.mark.asyncio
async def test_requests_in_flight_at_a_notice_are_finished_first(real_machine: Watched, framework: str) -> None:
    machine = real_machine
    machine.configure(framework)
    machine.server = vllm(running=1) if framework == "vllm" else ollama()
    machine.gpus("90")
    await is_watching(machine)
    await has_read_notice(machine, in_two_minutes())
    await until(lambda: len(machine.calls()) == 1, "new requests are turned away")

    def looks() -> int:
        return machine.looks_at_gpus if framework == "ollama" else len(machine.requests())

    asked = looks()
    await until(lambda: looks() >= asked + 3, "it waits and looks")
    assert not machine.has_ended
    machine.server |= vllm()
    machine.gpus("0")
    machine.tell_surroundings()
    await has_ended(machine)


@pytest.mark.asyncio
async def test_requests_that_do_not_end_are_cut_off_with_time_left_to_shut_down(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = vllm(running=1)
    await is_watching(machine)
    await has_read_notice(machine, notice(machine.now + timedelta(seconds=110)))
    await until(machine.calls, "new requests are turned away")
    machine.uptime += 79
    machine.tell_surroundings()
    asked = len(machine.requests())
    await until(lambda: len(machine.requests()) >= asked + 3, "it waits")
    assert not machine.has_ended
    machine.uptime += 1
    machine.tell_surroundings()
    await has_ended(machine)


@pytest.mark.parametrize("at", [START - timedelta(hours=1), START + timedelta(hours=1)])
@pytest.mark.asyncio
async def test_notice_read_by_a_wrong_clock_counts_from_when_it_was_seen(machine: Watched, at: datetime) -> None:
    machine.configure("vllm")
    machine.server = vllm(running=1)
    await is_watching(machine)
    await has_read_notice(machine, notice(at))
    await until(machine.calls, "new requests are turned away")
    machine.uptime += 80
    machine.tell_surroundings()
    await has_ended(machine)


@pytest.mark.asyncio
async def test_server_that_cannot_be_asked_gets_the_time_to_end_by_itself(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = {"/metrics": (500, "")}
    await is_watching(machine)
    await has_read_notice(machine, notice(machine.now + timedelta(seconds=110)))
    await has_ended(machine)
    assert machine.calls()[1] == "docker stop -t 80 aic-tui-framework"


@pytest.mark.asyncio
async def test_hook_is_run_and_one_that_hangs_is_cut_off(machine: Watched) -> None:
    hook = machine.folder / "etc/aic-tui/drain"
    hook.write_text(f"#!/bin/bash\necho drained >>{machine.folder}/calls\nexec sleep 1000\n")
    hook.chmod(0o755)
    await is_watching(machine)
    await has_read_notice(machine, notice(machine.now + timedelta(seconds=33)))
    await has_ended(machine)
    assert machine.calls() == ["drained", "shutdown -h now"]


@pytest.mark.asyncio
async def test_hanging_driver_and_docker_hold_no_notice_up(real_machine: Watched) -> None:
    machine = real_machine
    machine.configure("ollama")
    machine.server = ollama()
    machine.gpus("hangs")
    machine.stand_in_that_hangs("docker")
    await is_watching(machine)
    taken_at = datetime.now(tz=UTC) + timedelta(seconds=33)
    await has_read_notice(machine, notice(taken_at))
    await has_ended(machine)
    assert (machine.folder / "calls").stat().st_mtime < taken_at.timestamp()


@pytest.mark.parametrize("answer", [(500, '{"action": "terminate"}'), (200, "<html>terminate</html>"), (200, HANGS)])
@pytest.mark.asyncio
async def test_anything_but_a_notice_is_none(machine: Watched, answer: tuple[int, str]) -> None:
    machine.metadata[NOTICE] = answer
    machine.start()
    await until(lambda: machine.metadata_asked.count(NOTICE) >= 2, "it goes on looking")
    assert machine.calls() == []


@pytest.mark.asyncio
async def test_copy_of_the_disk_on_another_machine_watches_nothing(machine: Watched) -> None:
    identity = machine.folder / "sys/devices/virtual/dmi/id"
    identity.mkdir(parents=True)
    (identity / "board_asset_tag").write_text("i-0bbbbbbbbbbbbbbb2\n")
    (machine.folder / "etc/aic-tui/machine").write_text("i-0aaaaaaaaaaaaaaa1\n")
    machine.metadata[NOTICE] = in_two_minutes()
    machine.note_rounds()
    machine.start()
    await until(lambda: machine.rounds > 3, "it goes its rounds")
    assert machine.metadata_asked == []
    assert not (machine.folder / "run/aic-tui/activity").exists()
    assert machine.calls() == []
