"""When the watch of a machine, run for real, ends it: limits, clocks, extensions, and commands that fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.watch_answers import vllm
from tests.contract.watch_world import START, Watched, epoch
from tests.contract.watched_machine import LIMIT, machine, spend

__all__ = ["machine"]


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("framework", ["none", "vllm"])
def test_a_clock_moved_by_an_hour_changes_nothing(machine: Watched, hours: int, framework: str) -> None:
    machine.configure(framework)
    machine.server = vllm()
    machine.terminal("0", typed=START.timestamp())
    machine.metadata["tags/instance/aic-tui:awake-until"] = (200, f"{START:%Y-%m-%dT%H:%M:%SZ}")
    machine.look()
    spend(machine, 60)
    machine.now += timedelta(hours=hours)
    told = spend(machine, 59)
    assert not machine.has_ended
    assert told["ends"] == epoch(machine.now + timedelta(seconds=1))
    machine.look(1)
    assert machine.has_ended


def test_without_a_limit_idleness_is_told_and_ends_nothing(machine: Watched) -> None:
    machine.configure(idle=None)
    told = spend(machine, 4 * LIMIT)
    assert (told["limit"], told["ends"], told["busy"]) == ("none", "", "")
    assert told["idle_since"] == epoch(START + timedelta(seconds=30))
    assert not machine.has_ended


def test_lost_configuration_ends_nothing(machine: Watched) -> None:
    (machine.folder / "etc/aic-tui/node.conf").unlink()
    assert spend(machine, 2 * LIMIT)["limit"] == "none"
    assert not machine.has_ended


def test_extension_holds_idleness_off_until_its_moment(machine: Watched) -> None:
    machine.look()
    awake = machine.now + timedelta(minutes=10)
    machine.metadata["tags/instance/aic-tui:awake-until"] = (200, f"{awake:%Y-%m-%dT%H:%M:%SZ}")
    told = spend(machine, 599)
    assert not machine.has_ended
    assert told["ends"] == epoch(awake)
    assert told["idle_since"] == epoch(START + timedelta(seconds=15))
    machine.look(1)
    assert machine.has_ended


def test_extension_is_remembered_while_the_metadata_cannot_be_asked(machine: Watched) -> None:
    tag = "tags/instance/aic-tui:awake-until"
    machine.metadata[tag] = (200, f"{START + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    machine.look()
    machine.metadata[tag] = (500, "")
    spend(machine, 2 * LIMIT)
    assert not machine.has_ended
    del machine.metadata[tag]
    machine.look()
    assert machine.has_ended, "the tag was taken away"


@pytest.mark.parametrize("tag", ["", "soon", "2026-13-45T20:00:00Z", "$(touch /etc/hacked)", "9" * 40, "<html>" * 999])
def test_extension_that_makes_no_sense_holds_nothing_off(machine: Watched, tag: str) -> None:
    machine.metadata["tags/instance/aic-tui:awake-until"] = (200, tag)
    spend(machine, LIMIT + 30)
    assert machine.has_ended
    assert not (machine.folder / "etc/hacked").exists()


def test_time_that_nobody_looked_at_is_not_idle_time(machine: Watched) -> None:
    spend(machine, 60)
    machine.look(3_600)
    assert not machine.has_ended
    spend(machine, LIMIT)
    assert machine.has_ended


def test_work_after_the_first_step_of_the_end_takes_it_back_and_a_hang_goes_further(machine: Watched) -> None:
    spend(machine, LIMIT + 30)
    assert machine.calls() == ["shutdown -h now"]
    spend(machine, 90)
    assert machine.calls() == ["shutdown -h now"]
    machine.look(30)
    assert machine.calls() == ["shutdown -h now", "systemctl poweroff --force"]
    assert (machine.folder / "proc/sysrq-trigger").read_text() == ""
    machine.look(60)
    assert (machine.folder / "proc/sysrq-trigger").read_text() == "o\n"


def test_goes_straight_to_the_last_resort_where_commands_fail(machine: Watched) -> None:
    machine.fail("shutdown", "systemctl")
    spend(machine, LIMIT + 30)
    assert machine.calls()[:2] == ["shutdown -h now", "systemctl poweroff --force"]
    assert (machine.folder / "proc/sysrq-trigger").read_text() == "o\n"


def test_full_disk_does_not_keep_it_up(machine: Watched) -> None:
    machine.configure("vllm")
    status, page = vllm()["/metrics"]
    machine.server = {"/metrics": (status, page + "# filler\n" * 20_000)}
    keep = f"mkdir /dev/shm/keep && mount --bind {machine.folder} /dev/shm/keep"
    full = f"mount -t tmpfs -o size=64k full /tmp && mkdir -p {machine.folder} && mount --bind /tmp /var/tmp"
    back = f"mount --bind /dev/shm/keep {machine.folder}"
    assert machine.run("bash", "-c", f"{keep} && {full} && {back}")["code"] == 0
    assert machine.run("bash", "-c", "dd if=/dev/zero of=/tmp/x bs=4k")["code"] != 0
    machine.look()
    assert spend(machine, LIMIT - 1)["busy"] == ""
    machine.look(1)
    assert machine.has_ended


def test_full_run_directory_does_not_keep_it_up(machine: Watched) -> None:
    machine.look()
    copy = "cp -a /run/. /dev/shm/copy && mount -t tmpfs -o size=64k full /run && cp -a /dev/shm/copy/. /run"
    machine.run("bash", "-c", f"mkdir /dev/shm/copy && {copy}; dd if=/dev/zero of=/run/x bs=4k")
    machine.uptime += 30
    assert machine.run("bash", "-c", "echo more >/run/y")["code"] != 0
    spend(machine, LIMIT + 30)
    assert machine.has_ended
