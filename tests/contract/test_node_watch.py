"""What the watch of a machine, run for real, takes for work: requests, GPUs, shells and the set-up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.watch_answers import llama, ollama, slots, tgi, vllm
from tests.contract.watch_world import HANGS, START, Watched, epoch
from tests.contract.watched_machine import LIMIT, machine, spend

__all__ = ["machine"]
IDLE = {
    "none": ("none", {}),
    "tei, which is not known": ("tei", {}),
    "vllm": ("vllm", vllm()),
    "tgi": ("tgi", tgi()),
    "tgi before its first request": ("tgi", {"/metrics": (200, "")}),
    "llamacpp": ("llamacpp", llama()),
    "llamacpp without metrics": ("llamacpp", slots()),
    "ollama": ("ollama", ollama()),
    "ollama without a model": ("ollama", {"/api/ps": (200, '{"models":[]}')}),
}


@pytest.mark.parametrize("case", IDLE)
def test_idleness_ends_the_machine_at_its_limit_and_not_before(machine: Watched, case: str) -> None:
    framework, machine.server = IDLE[case]
    machine.configure(framework)
    began = machine.look()
    told = spend(machine, LIMIT - 1)
    assert not machine.has_ended
    assert told["busy"] == ""
    assert told["idle_since"] == began["checked"]
    assert told["ends"] == str(int(told["idle_since"]) + LIMIT)
    machine.look(1)
    assert machine.calls() == ["shutdown -h now"]


BUSY = {
    "vllm": ("vllm", vllm(running=2, waiting=1), "3 requests"),
    "tgi": ("tgi", tgi(waiting=4), "4 requests"),
    "llamacpp": ("llamacpp", llama(running=1, waiting=1), "2 requests"),
    "llamacpp without metrics": ("llamacpp", slots(busy=True), "1 requests"),
    "ollama outliving its expiry": ("ollama", ollama(START - timedelta(minutes=1)), "1 requests"),
    "server error": ("vllm", {"/metrics": (500, "")}, "requests cannot be read"),
    "page of something else": ("vllm", {"/metrics": (200, "<html>")}, "requests cannot be read"),
    "ollama with a page of something else": ("ollama", {"/api/ps": (200, "<html>")}, "requests cannot be read"),
    "llamacpp asking for a key": ("llamacpp", {"/metrics": (401, ""), "/slots": (401, "")}, "requests cannot be read"),
}


@pytest.mark.parametrize("case", BUSY)
def test_requests_and_a_server_that_cannot_be_read_keep_it_up(machine: Watched, case: str) -> None:
    framework, machine.server, reason = BUSY[case]
    machine.configure(framework)
    told = spend(machine, 2 * LIMIT)
    assert not machine.has_ended
    assert (told["busy"], told["idle_since"], told["ends"]) == (reason, "", "")


@pytest.mark.parametrize("framework", ["vllm", "tgi", "llamacpp", "ollama"])
def test_a_server_that_is_not_there_serves_nobody(machine: Watched, framework: str) -> None:
    machine.configure(framework, port=1)
    assert spend(machine, LIMIT)["busy"] == ""
    spend(machine, 30)
    assert machine.has_ended


def test_a_server_that_hangs_keeps_it_up_and_holds_a_look_up_for_seconds_only(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = {"/metrics": (200, HANGS)}
    machine.look()
    machine.uptime += 15
    done = machine.run("/usr/local/sbin/aic-tui-watch", "idle")
    assert done["seconds"] < 30
    assert machine.activity()["busy"] == "requests cannot be read"


SERVED = {
    "vllm": (vllm(), vllm(tokens=5e6 + 9)),
    "tgi": (tgi(), tgi(tokens=8)),
    "llamacpp": (llama(), llama(tokens=8)),
    "ollama": (ollama(), ollama(START + timedelta(days=1, seconds=3))),
}


@pytest.mark.parametrize("framework", SERVED)
def test_a_request_served_between_two_looks_counts(machine: Watched, framework: str) -> None:
    machine.configure(framework)
    before, after = SERVED[framework]
    machine.server = before
    spend(machine, LIMIT)
    machine.server = after
    assert machine.look(10)["busy"] == "requests since the last look"
    spend(machine, LIMIT - 1)
    assert not machine.has_ended
    machine.look(1)
    assert machine.has_ended


@pytest.mark.parametrize(
    ("gpus", "said", "reason"),
    [
        (1, "37", "GPU at 37 %"),
        (1, "5", "GPU at 5 %"),
        (2, "0\n98", "GPU at 98 %"),
        (1, "fails", "GPU cannot be read"),
        (1, "[N/A]", "GPU cannot be read"),
        (1, "", "GPU cannot be read"),
        (2, "0", "GPU cannot be read"),
        (1, "Unable to determine the device handle: GPU is lost.", "GPU cannot be read"),
    ],
)
def test_gpus_at_work_or_that_cannot_be_read_keep_it_up(machine: Watched, gpus: int, said: str, reason: str) -> None:
    machine.configure(gpus=gpus)
    machine.gpus(said)
    assert spend(machine, 2 * LIMIT)["busy"] == reason
    assert not machine.has_ended


@pytest.mark.parametrize(("gpus", "said"), [(1, "4"), (4, "0\n1\n2\n4"), (0, "fails")])
def test_gpus_that_do_next_to_nothing_or_are_not_there_let_it_end(machine: Watched, gpus: int, said: str) -> None:
    machine.configure(gpus=gpus)
    machine.gpus(said)
    spend(machine, LIMIT + 30)
    assert machine.has_ended


def install_gpu(machine: Watched, vendor: str, *, driver: bool) -> None:
    device = machine.folder / "sys/bus/pci/devices/0000:00:1e.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    if driver:
        (machine.folder / "proc/driver/nvidia").mkdir(parents=True)


def test_gpus_without_any_driver_do_nothing(machine: Watched) -> None:
    machine.gpus("fails")
    install_gpu(machine, "0x10de", driver=False)
    assert spend(machine, LIMIT)["busy"] == ""
    spend(machine, 30)
    assert machine.has_ended


@pytest.mark.parametrize(("vendor", "driver"), [("0x10de", True), ("0x1002", False)])
def test_gpus_with_a_driver_or_of_another_maker_that_cannot_be_read_keep_it_up(
    machine: Watched, vendor: str, driver: bool
) -> None:
    machine.gpus("fails")
    install_gpu(machine, vendor, driver=driver)
    assert spend(machine, 2 * LIMIT)["busy"] == "GPU cannot be read"
    assert not machine.has_ended


def test_nvidia_smi_that_hangs_keeps_it_up(machine: Watched) -> None:
    machine.gpus("hangs")
    assert machine.look()["busy"] == "GPU cannot be read"


def test_a_shell_typed_into_keeps_it_up_and_output_does_not(machine: Watched) -> None:
    machine.terminal("0", typed=1_000, printed=1_000)
    assert machine.look()["busy"] == "a shell in use"
    spend(machine, LIMIT - 30)
    machine.terminal("0", typed=1_008, printed=1_000)
    typed = machine.look(20)
    assert typed["busy"] == "a shell in use"
    machine.terminal("0", typed=1_008, printed=9_000)
    told = spend(machine, LIMIT - 1)
    assert told["busy"] == ""
    assert told["idle_since"] == typed["checked"], "the idle time begins at the last key"
    assert not machine.has_ended
    machine.terminal("0", typed=1_008, printed=9_900)
    machine.look(1)
    assert machine.has_ended


def test_one_shell_of_several_is_enough_and_one_that_closes_is_none(machine: Watched) -> None:
    for name in ("0", "3", "17"):
        machine.terminal(name, typed=1_000)
    spend(machine, 90)
    machine.terminal("17", typed=1_016)
    assert machine.look()["busy"] == "a shell in use"
    (machine.folder / "pts/17").unlink()
    spend(machine, LIMIT - 15)
    assert not machine.has_ended
    machine.look(15)
    assert machine.has_ended


def test_terminals_that_come_and_go_with_commands_do_not_keep_it_up(machine: Watched) -> None:
    """As `watch sudo nvidia-smi`, left behind in a multiplexer, opens them."""
    machine.look()
    for number in range(1, LIMIT // 15 + 1):
        assert not machine.has_ended
        machine.terminal("3", typed=1_000 + 15 * number, opened=1_000 + 15 * number)
        machine.look(15)
    assert machine.has_ended


def test_a_shell_opened_at_the_last_moment_keeps_it_up(machine: Watched) -> None:
    machine.look()
    spend(machine, LIMIT - 1)
    machine.terminal("0", typed=1_000, opened=1_000)
    assert machine.look(1)["busy"] == "a shell in use"
    spend(machine, LIMIT - 1)
    assert not machine.has_ended
    machine.look(1)
    assert machine.has_ended


@pytest.mark.parametrize("steps", [[], ["boot done", "image running 5 layers", "ready waiting"], ["ready waiting"]])
def test_a_set_up_at_work_keeps_it_up_and_its_end_begins_the_idle_time(machine: Watched, steps: list[str]) -> None:
    machine.configure("vllm")
    machine.install_setup(*steps)
    machine.server = vllm()
    assert spend(machine, 2 * LIMIT)["busy"] == "set-up"
    machine.install_setup("ready done")
    spend(machine, LIMIT - 1)
    assert not machine.has_ended
    machine.look(1)
    assert machine.has_ended


@pytest.mark.parametrize(
    "step",
    ["model failed The disk is full: launch with a larger volume.", "model running waits for a Hugging Face token"],
)
def test_a_set_up_that_was_given_up_does_not_keep_an_unused_machine(machine: Watched, step: str) -> None:
    machine.configure("vllm", port=1)
    machine.install_setup("boot done", step, "ready waiting")
    spend(machine, LIMIT + 30)
    assert machine.has_ended


@pytest.mark.parametrize("unit_state", ["failed", "inactive"], ids=["died without a word", "stopped by somebody"])
def test_a_set_up_that_is_not_at_work_any_more_does_not_keep_it(machine: Watched, unit_state: str) -> None:
    machine.configure("vllm", port=1)
    machine.install_setup("image running")
    (machine.folder / "unit-state").write_text(f"{unit_state}\n")
    spend(machine, LIMIT + 30)
    assert machine.has_ended


def test_a_set_up_that_hangs_does_not_keep_it_for_ever_and_a_slow_one_does(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = {"/metrics": (503, "")}
    (machine.folder / "unit-state").write_text("active\n")
    for layer in range(2):
        machine.install_setup(f"image running layer {layer}")
        machine.look()
        machine.uptime += 7_080
        assert machine.look(60)["busy"] == "set-up"
    machine.look(60)
    spend(machine, LIMIT)
    assert machine.has_ended


def test_activity_has_what_the_server_told_and_anybody_may_read_it(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = vllm(running=2, waiting=1)
    told = machine.look()
    assert told == {
        "checked": epoch(machine.now),
        "idle_since": "",
        "limit": "120",
        "ends": "",
        "busy": "3 requests",
        "running": "2",
        "waiting": "1",
        "kv_percent": "12",
        "models": "org/model",
        "notice": "",
    }
    assert (machine.folder / "run/aic-tui/activity").stat().st_mode & 0o777 == 0o644
    machine.configure("ollama")
    machine.server = ollama()
    assert machine.look()["models"] == "llama3.2:3b,b"


def test_server_with_a_key_is_asked_with_it(machine: Watched) -> None:
    machine.configure("llamacpp")
    machine.server = llama()
    (machine.folder / "etc/aic-tui/secrets.env").write_text("HF_TOKEN=hf_x\nAPI_KEY=sk-secret=1\n")
    machine.look()
    assert machine.requests() == [{"path": "/metrics", "key": "Bearer sk-secret=1"}]
