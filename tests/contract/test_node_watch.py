"""The watch of a machine, run for real: what it takes for work, when it ends the machine, and what a notice starts."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.services.user_data import NodeOrder, render_user_data
from aicompute_tui.settings.packaged import DATA
from tests.contract.node_world import Node, faketime_library, namespaces_work
from tests.contract.watch_world import HANGS, START, Watched, epoch
from tests.needs import need
from tests.waiting import until

LIMIT = 120


def require_all() -> None:
    need("namespaces", namespaces_work(), "allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1)")
    for tool, package in (("ip", "iproute2"), ("curl", "curl"), ("nsenter", "util-linux")):
        need(package, shutil.which(tool) is not None, f"apt-get install {package}")
    need("faketime", faketime_library() is not None, "apt-get install faketime")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Watched]:
    """Without a framework, half used to its idle limit of two minutes."""
    require_all()
    with Watched(tmp_path).up() as machine:
        machine.configure()
        yield machine


@pytest.fixture
def real_machine(tmp_path: Path) -> Iterator[Watched]:
    """One whose time passes."""
    require_all()
    with Watched(tmp_path, time_is_real=True).up() as machine:
        machine.configure()
        yield machine


def spend(machine: Watched, seconds: float) -> dict[str, str]:
    """Looks every 30 seconds for so long."""
    told = machine.activity() if seconds <= 0 else {}
    while seconds > 0:
        told = machine.look(min(30, seconds))
        seconds -= 30
    return told


VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
vllm:num_requests_running{{engine="0",model_name="org/a b"}} {running}
vllm:num_requests_running{{engine="1",model_name="org/a b"}} 0.0
vllm:num_requests_waiting{{engine="0",model_name="org/a b"}} {waiting}
vllm:num_requests_waiting_by_reason{{engine="0",reason="capacity"}} 9.0
vllm:kv_cache_usage_perc{{engine="0"}} 0.125
vllm:generation_tokens_total{{engine="0"}} {tokens}
"""
PS = (
    '{{"models":[{{"name":"llama3.2:3b","expires_at":"{expires}","size_vram":1}},'
    '{{"name":"b","expires_at":"2318-01-01T00:00:00Z"}}]}}'
)
SLOTS = '[{{"id":0,"id_task":{task},"is_processing":{busy}}},{{"id":1,"id_task":-1,"is_processing":false}}]'
LLAMA = """llamacpp:requests_processing {running}
llamacpp:requests_deferred {waiting}
llamacpp:prompt_tokens_total {tokens}
"""
TGI = 'tgi_queue_size {waiting}\ntgi_batch_current_size {running}\ntgi_request_count{{method="batch"}} {tokens}\n'


def vllm(running: float = 0, waiting: float = 0, tokens: float = 5e6) -> dict[str, tuple[int, str]]:
    return {"/metrics": (200, VLLM.format(running=running, waiting=waiting, tokens=tokens))}


def tgi(running: int = 0, waiting: int = 0, tokens: int = 7) -> dict[str, tuple[int, str]]:
    return {"/metrics": (200, TGI.format(running=running, waiting=waiting, tokens=tokens))}


def llama(running: int = 0, waiting: int = 0, tokens: int = 7) -> dict[str, tuple[int, str]]:
    return {"/metrics": (200, LLAMA.format(running=running, waiting=waiting, tokens=tokens))}


def slots(busy: bool = False, task: int = 3) -> dict[str, tuple[int, str]]:
    return {"/metrics": (501, "{}"), "/slots": (200, SLOTS.format(busy=str(busy).lower(), task=task))}


def ollama(expires: datetime = START + timedelta(days=1)) -> dict[str, tuple[int, str]]:
    return {"/api/ps": (200, PS.format(expires=f"{expires:%Y-%m-%dT%H:%M:%S}.123456789Z"))}


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


def test_a_server_that_hangs_keeps_it_up_and_holds_a_look_up_for_seconds_only(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = {"/metrics": (200, HANGS)}
    machine.look()
    machine.uptime += 15
    done = machine.run("/usr/local/sbin/aic-tui-watch", "idle")
    assert done["seconds"] < 7
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


def test_a_set_up_that_died_without_a_word_does_not_keep_it(machine: Watched) -> None:
    machine.configure("vllm", port=1)
    machine.install_setup("image running")
    (machine.folder / "unit-state").write_text("failed\n")
    spend(machine, LIMIT + 30)
    assert machine.has_ended


def test_a_set_up_that_somebody_stopped_does_not_keep_it(machine: Watched) -> None:
    machine.configure("vllm", port=1)
    machine.install_setup("image running")
    (machine.folder / "unit-state").write_text("inactive\n")
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


# --- The cloud takes the machine back

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
    await until(file.exists, "the notice is told", seconds=12)
    return time.monotonic()


async def has_ended(machine: Watched, within: float) -> None:
    await until(lambda: machine.has_ended, "shutdown is called", seconds=within)


@pytest.mark.asyncio
async def test_notice_without_work_ends_the_machine_within_five_seconds(real_machine: Watched) -> None:
    machine = real_machine
    machine.configure("vllm")
    machine.server = vllm()
    await is_watching(machine)
    assert machine.activity()["notice"] == ""
    await has_read_notice(machine, in_two_minutes())
    await until(
        lambda: machine.activity()["notice"].startswith("The cloud takes this machine back at 20"), "it says so"
    )
    await has_ended(machine, within=5)
    assert [call.split()[0] for call in machine.calls()] == ["iptables", "docker", "shutdown"]
    assert "--dport 8000 --syn -j REJECT" in machine.calls()[0]
    assert machine.calls()[1] == "docker stop -t 2 aic-tui-framework"


@pytest.mark.asyncio
async def test_notice_on_a_machine_without_framework_ends_it_at_once(real_machine: Watched) -> None:
    await is_watching(real_machine)
    await has_read_notice(real_machine, in_two_minutes())
    await has_ended(real_machine, within=5)
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
    asked = len(machine.requests())
    await until(lambda: framework == "ollama" or len(machine.requests()) >= asked + 3, "it waits and looks")
    assert not machine.has_ended
    machine.server |= vllm()
    machine.gpus("0")
    machine.tell_surroundings()
    await has_ended(machine, within=5)


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
    await has_ended(machine, within=5)


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
    await has_ended(machine, within=5)


@pytest.mark.asyncio
async def test_server_that_cannot_be_asked_gets_the_time_to_end_by_itself(machine: Watched) -> None:
    machine.configure("vllm")
    machine.server = {"/metrics": (500, "")}
    await is_watching(machine)
    await has_read_notice(machine, notice(machine.now + timedelta(seconds=110)))
    await has_ended(machine, within=5)
    assert machine.calls()[1] == "docker stop -t 80 aic-tui-framework"


@pytest.mark.asyncio
async def test_hook_is_run_and_one_that_hangs_is_cut_off(real_machine: Watched) -> None:
    machine = real_machine
    hook = machine.folder / "etc/aic-tui/drain"
    hook.write_text(f"#!/bin/bash\necho drained >>{machine.folder}/calls\nexec sleep 1000\n")
    hook.chmod(0o755)
    await is_watching(machine)
    await has_read_notice(machine, notice(datetime.now(tz=UTC) + timedelta(seconds=38)))
    await has_ended(machine, within=10)
    assert machine.calls() == ["drained", "shutdown -h now"]


@pytest.mark.asyncio
async def test_hanging_driver_and_docker_hold_no_notice_up(real_machine: Watched) -> None:
    machine = real_machine
    machine.configure("ollama")
    machine.server = ollama()
    machine.gpus("hangs")
    machine.stand_in_that_hangs("docker")
    await is_watching(machine)
    await has_read_notice(machine, notice(datetime.now(tz=UTC) + timedelta(seconds=33)))
    await has_ended(machine, within=18)


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
    machine.start()
    (identity / "board_asset_tag").write_text("i-0bbbbbbbbbbbbbbb2\n")
    await until((machine.folder / "watch-log").exists, "it runs")
    assert not (machine.folder / "run/aic-tui/activity").exists()
    assert machine.calls() == []


# --- How it gets there


@pytest.fixture
def bare(tmp_path: Path) -> Node:
    """A machine before its first start, with a login user who has a key already."""
    require_all()
    bare = Node(tmp_path, now=START)
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "home/.ssh").chmod(0o700)
    (tmp_path / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\nubuntu:x:0:0::{tmp_path}/home:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    return bare


KEYS = ("ssh-ed25519 AAAAC3NzaC1 aic-tui", "ssh-rsa AAAAB3Nza ada@desk")


def first_start(framework: str = "vllm") -> str:
    order = NodeOrder(framework=framework, models=("org/model",), idle_seconds=900, gpu_count=1, public_keys=KEYS)
    end = START + timedelta(hours=8)
    return render_user_data(expires_at=end, max_expires_at=end, launch_id="0193-aa", node=order)


def test_first_start_installs_everything_once_and_a_second_run_changes_nothing(bare: Node) -> None:
    keys = bare.folder / "home/.ssh/authorized_keys"
    keys.write_text("ssh-rsa AAAAB3Nza given-by-the-cloud\nssh-rsa AAAAother x")
    for _ in range(2):
        said = bare.first_boot(first_start())
        assert "aic-tui:" not in said
        assert keys.read_text() == f"ssh-rsa AAAAB3Nza given-by-the-cloud\nssh-rsa AAAAother x\n{KEYS[0]}\n"
        assert keys.stat().st_mode & 0o777 == 0o600
        for name in ("watch", "setup", "deadman"):
            assert (bare.folder / f"sbin/aic-tui-{name}").stat().st_mode & 0o777 == 0o755
        wanted = bare.folder / "etc/systemd/system/multi-user.target.wants"
        assert sorted(path.name for path in wanted.iterdir()) == ["aic-tui-setup.service", "aic-tui-watch.service"]
        assert bare.calls() == []
    assert "idle_seconds='900'" in bare.file("etc/aic-tui/node.conf")


def test_machine_made_from_the_image_of_another_gets_none_of_its_secrets(bare: Node) -> None:
    bare.first_boot(first_start())
    secrets = bare.folder / "etc/aic-tui/secrets.env"
    secrets.write_text("HF_TOKEN=hf_x\n")
    bare.first_boot(first_start())
    assert secrets.exists(), "the same launch, run again"
    bare.calls_file.write_text("")
    bare.first_boot(first_start().replace("0193-aa", "0193-bb"))
    assert not secrets.exists()
    started = "systemctl restart --no-block aic-tui-setup.service"
    assert started in bare.calls_file.read_text(), "one that runs already has read the other launch's order"


def test_login_user_without_keys_gets_them(bare: Node) -> None:
    (bare.folder / "home/.ssh").rmdir()
    bare.first_boot(first_start())
    keys = bare.folder / "home/.ssh/authorized_keys"
    assert keys.read_text().splitlines() == list(KEYS)
    assert (bare.folder / "home/.ssh").stat().st_mode & 0o777 == 0o700
    assert keys.stat().st_mode & 0o777 == 0o600


def test_login_that_is_not_there_stops_nothing_else(bare: Node) -> None:
    (bare.folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    assert "could not be given to ubuntu" in bare.first_boot(first_start())
    assert (bare.folder / "sbin/aic-tui-watch").exists()
    assert bare.calls() == []


def test_machine_without_a_framework_of_ours_gets_no_set_up(bare: Node) -> None:
    bare.first_boot(first_start("tei"))
    assert not (bare.folder / "sbin/aic-tui-setup").exists()
    assert (bare.folder / "sbin/aic-tui-watch").exists()


def test_units_pass_systemd_analyze(bare: Node) -> None:
    need("systemd", shutil.which("systemd-analyze") is not None, "apt-get install systemd")
    bare.first_boot(first_start())
    units = [f"/etc/systemd/system/aic-tui-{name}.service" for name in ("watch", "setup")]
    said = bare.run("systemd-analyze", "verify", "--man=no", *units)
    assert bare.file("status") == "0", said
    assert "aic-tui" not in said


def test_script_passes_shellcheck() -> None:
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    subprocess.run(["shellcheck", DATA / "node/watch.sh"], check=True)
