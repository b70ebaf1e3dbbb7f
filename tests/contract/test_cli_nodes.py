"""Logs, figures, shell and ports of a machine from the command line, against a real sshd."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.domain.node import NodeReport, SetupStage, SetupStep, StepState
from aicompute_tui.services.context import Context
from tests.contract.cli_world import until
from tests.contract.node_cli_world import GPU, NodeCli, node_cli
from tests.contract.ssh_world import SshWorld, running, ssh_world
from tests.needs import need

__all__ = ["node_cli", "ssh_world"]

MARKER = "aic-tui-test-marker"


def docker_prints(world: SshWorld, text: str) -> None:
    """The machine's docker, whose container prints by `text`, a shell script."""
    world.program_on_path("docker", f'case "$1" in inspect) echo running; exit ;; esac\n: {MARKER}\n{text}')


def nvidia_smi_says(world: SshWorld, *lines: str) -> None:
    world.program_on_path("nvidia-smi", "\n".join(f"echo '{line}'" for line in lines))


def stamped(*words: str) -> str:
    return "\n".join(f"printf '%s\\n' '2026-11-20T08:00:0{number}Z {word}'" for number, word in enumerate(words))


# -- logs


def test_the_servers_log_is_on_stdout_and_what_is_said_of_it_on_stderr(node_cli: NodeCli) -> None:
    docker_prints(node_cli.machine, stamped("loading", "ready"))
    answer = node_cli.cli("instance", "logs", "calm-otter", "-n", "7")
    assert answer.code == 0, answer.err
    assert [line.split(" ", 1)[1] for line in answer.out.splitlines()] == ["loading", "ready"]
    assert answer.err == "-- The log of framework on calm-otter.\n"


def test_a_log_cannot_drive_the_terminal(node_cli: NodeCli) -> None:
    docker_prints(node_cli.machine, "printf '\\033]0;owned\\007\\033[31mred\\033[0m a\\tb\\033[2J\\342\\200\\256x\\n'")
    out = node_cli.cli("instance", "logs", "calm-otter").out
    assert "red a\tb" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "owned" not in out


def test_json_gives_a_line_an_object(node_cli: NodeCli) -> None:
    docker_prints(node_cli.machine, stamped("one", "two"))
    answer = node_cli.cli("instance", "logs", "calm-otter", "--source", "framework", "-o", "json")
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert [row["text"][-3:] for row in rows if row["mark"] is None] == ["one", "two"]
    assert rows[-1]["mark"] == "end"
    [first, *_] = csv.DictReader(
        io.StringIO(node_cli.cli("instance", "logs", "calm-otter", "--source", "framework", "-o", "csv").out)
    )
    assert first["text"].endswith("one")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["-n", "5"], "--timestamps --tail 5"),
        ([], "--timestamps --tail 200"),
        (["--since", "5m"], "--timestamps --tail 1000000 --since 300s"),
        (["--since", "1h", "-n", "3"], "--timestamps --tail 3 --since 3600s"),
    ],
)
def test_how_much_is_asked_of_the_machine(node_cli: NodeCli, words: list[str], wanted: str) -> None:
    docker_prints(node_cli.machine, "shift; echo \"$@\" | sed 's/ aic-tui-framework$//'")
    assert node_cli.cli("instance", "logs", "calm-otter", *words).out.strip() == wanted


def test_a_log_without_times_takes_no_since(node_cli: NodeCli) -> None:
    answer = node_cli.cli("instance", "logs", "calm-otter", "--source", "setup", "--since", "5m", "-o", "json")
    assert (answer.code, answer.error["error"]) == (2, "InvalidInput")


def test_auto_is_the_set_up_until_it_is_done(node_cli: NodeCli) -> None:
    async def still_pulling(context: Context) -> None:
        step = SetupStep(stage=SetupStage.IMAGE, state=StepState.RUNNING, percent=40)
        report = NodeReport(instance_id=node_cli.instance_id, host_id=context.actor.host_id, steps=(step,))
        async with context.store.write() as transaction:
            await transaction.node_reports.put(report)

    node_cli.in_store(still_pulling)
    answer = node_cli.cli("instance", "logs", "calm-otter", "-o", "json")
    assert json.loads(answer.out.splitlines()[0])["text"] == "The log of setup on calm-otter."


def test_following_ends_with_130_and_leaves_nothing_on_either_side(node_cli: NodeCli) -> None:
    docker_prints(node_cli.machine, f"{stamped('first')}\nexec sleep 1000 # {MARKER}")
    process = node_cli.cli.spawn("instance", "logs", "calm-otter", "-f")
    assert process.stdout is not None
    assert process.stdout.readline().endswith("first\n")
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    until(lambda: not node_cli.machine.sessions())


def test_a_reader_that_leaves_ends_it_also_while_nothing_comes(node_cli: NodeCli) -> None:
    docker_prints(node_cli.machine, f"{stamped('first')}\nexec sleep 1000")
    process = node_cli.cli.spawn("instance", "logs", "calm-otter", "-f", "--source", "framework")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    until(lambda: not node_cli.machine.sessions())


def test_a_lost_connection_is_told_and_following_goes_on(node_cli: NodeCli) -> None:
    docker_prints(node_cli.machine, f"{stamped('first')}\nexec sleep 1000")
    process = node_cli.cli.spawn("instance", "logs", "calm-otter", "-f", "-o", "json")
    assert process.stdout is not None
    try:
        while "first" not in process.stdout.readline():
            pass
        node_cli.machine.kill()
        node_cli.machine.start()
        while json.loads(process.stdout.readline())["mark"] != "gap":
            pass
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_machine_that_cannot_be_reached_is_said_so(node_cli: NodeCli) -> None:
    node_cli.machine.kill()
    for words in (["logs", "calm-otter"], ["metrics", "calm-otter", "-n", "1"]):
        answer = node_cli.cli("instance", *words, "-o", "json")
        assert (answer.code, answer.error["error"]) == (5, "Unreachable")


@pytest.mark.parametrize("state", [InstanceState.STOPPED, InstanceState.TERMINATED])
def test_a_machine_that_does_not_run_is_refused_before_any_connection(node_cli: NodeCli, state: InstanceState) -> None:
    other = node_cli.add_machine("still-heron", state=state)
    for words in (["logs"], ["metrics"], ["ssh"]):
        assert node_cli.cli("instance", *words, other, "-o", "json").code == 4
    assert node_cli.machine.accepted() == 0


# -- figures


def test_figures_stand_in_one_aligned_line_per_gpu(node_cli: NodeCli) -> None:
    nvidia_smi_says(node_cli.machine, GPU, GPU.replace("0, GPU-1", "1, GPU-2").replace(" 37,", " 100,"))
    answer = node_cli.cli("instance", "metrics", "calm-otter", "--count", "1")
    assert answer.code == 0, answer.err
    header, first, second = answer.out.splitlines()
    column = header.index("USED %")
    assert [line[column : column + 6].strip() for line in (first, second)] == ["37", "100"]
    assert "512/23028" in first
    assert "–/300" in first
    assert len({line.index("NVIDIA") for line in (first, second)} | {header.index("NAME")}) == 1


def test_figures_are_json_lines_and_csv_rows(node_cli: NodeCli) -> None:
    nvidia_smi_says(node_cli.machine, GPU)
    words = ["instance", "metrics", "calm-otter", "-n", "2", "--interval", "1"]
    items = [json.loads(line) for line in node_cli.cli(*words, "-o", "json").out.splitlines()]
    assert [item["gpus"][0]["utilisation_percent"] for item in items] == [37.0, 37.0]
    assert items[0]["gpus"][0]["power_watts"] is None
    assert "uuid" not in items[0]["gpus"][0]
    [first, second] = csv.DictReader(io.StringIO(node_cli.cli(*words, "-o", "csv").out))
    assert (first["memory_used_mib"], second["power_watts"]) == ("512.0", "")
    assert 'gpu_problem: ""' in node_cli.cli(*words, "-o", "yaml").out


def test_a_machine_without_a_gpu_says_why_there_is_no_figure(node_cli: NodeCli) -> None:
    node_cli.machine.program_on_path("nvidia-smi", "echo 'No devices were found'; exit 6")
    answer = node_cli.cli("instance", "metrics", "calm-otter", "-n", "1")
    assert (answer.code, answer.out) == (0, "")
    assert "No devices were found" in answer.err


def test_stored_figures_come_oldest_first(node_cli: NodeCli) -> None:
    async def store(context: Context) -> None:
        now = context.clock.now()
        samples = [
            GpuSample(
                instance_id=node_cli.instance_id,
                gpu_index=0,
                at=now - timedelta(minutes=minutes),
                span_seconds=30,
                utilisation_percent=float(minutes),
            )
            for minutes in (5, 50, 90)
        ]
        async with context.store.write() as transaction:
            await transaction.gpu_samples.append(samples)

    node_cli.in_store(store)
    node_cli.machine.kill()
    answer = node_cli.cli("instance", "metrics", "calm-otter", "--since", "1h", "-o", "json")
    items = [json.loads(line) for line in answer.out.splitlines()]
    assert [item["gpus"][0]["utilisation_percent"] for item in items] == [50.0, 5.0]
    assert answer.code == 0
    nothing = node_cli.cli("instance", "metrics", "calm-otter", "--since", "1m")
    assert (nothing.code, nothing.out) == (0, "")
    assert "Nothing was measured" in nothing.err


# -- shell


def ssh(node_cli: NodeCli, *words: str, **options: object) -> subprocess.Popen[str]:
    need("ssh", shutil.which("ssh") is not None, "apt-get install openssh-client")
    return node_cli.cli.spawn("instance", "ssh", "calm-otter", *words, **options)


def test_a_commands_words_arrive_whole_and_its_code_comes_back(node_cli: NodeCli) -> None:
    words = ["printf", "%s|", "a b", "it's", "$HOME", "*", "x;y"]
    process = ssh(node_cli, "--", *words)
    out, err = process.communicate(timeout=60)
    assert out == "a b|it's|$HOME|*|x;y|", err
    process = ssh(node_cli, "--", "sh", "-c", "cat; echo told >&2; exit 37", stdin=subprocess.PIPE)
    out, err = process.communicate("given\n", timeout=60)
    assert (process.returncode, out) == (37, "given\n")
    assert err.splitlines()[-1] == "told"


def test_the_first_connection_pins_the_key_and_another_key_is_refused(node_cli: NodeCli) -> None:
    assert ssh(node_cli, "--", "true").wait(timeout=60) == 0
    assert f"aic-tui-{node_cli.instance_id} " in node_cli.places.known_hosts.read_text()
    assert node_cli.cli("instance", "metrics", "calm-otter", "-n", "1").code == 0
    node_cli.machine.kill()
    node_cli.machine.new_host_key()
    node_cli.machine.start()
    process = ssh(node_cli, "--", "true")
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 255
    assert "IDENTIFICATION HAS CHANGED" in err
    answer = node_cli.cli("instance", "metrics", "calm-otter", "-n", "1", "-o", "json")
    assert answer.code == 4
    assert "aic-tui instance forget-key calm-otter" in answer.error["next_step"]


def test_a_rebuilt_machine_is_trusted_again_by_its_name_typed_out(node_cli: NodeCli) -> None:
    ask = ("instance", "metrics", "calm-otter", "-n", "1")
    assert node_cli.cli(*ask).code == 0
    node_cli.machine.kill()
    node_cli.machine.new_host_key()
    node_cli.machine.start()
    answer = node_cli.cli("instance", "forget-key", "calm-otter", "--yes", "-o", "json")
    assert answer.code == 4
    assert "--confirm-name calm-otter" in answer.error["next_step"]
    assert node_cli.cli(*ask).code == 4
    node_cli.cli.json("instance", "forget-key", "calm-otter", "--yes", "--confirm-name", "calm-otter")
    assert node_cli.cli(*ask).code == 0


# -- ports


@pytest.fixture
def service() -> Iterator[int]:
    """A program on the machine's loopback that greets."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Greets)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


class _Greets(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello")


def greeting(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        return connection.recv(5)


def test_a_forwarded_port_is_kept_by_the_agent_until_it_is_taken_back(node_cli: NodeCli, service: int) -> None:
    nvidia_smi_says(node_cli.machine, GPU)
    answer = node_cli.cli("instance", "forward", "calm-otter", str(service), "-o", "json")
    assert (answer.code, answer.data["state"]) == (0, "open"), answer.err
    port = int(answer.data["local_port"])
    assert answer.data["url"] == f"http://127.0.0.1:{port}"
    assert greeting(port) == b"hello"
    assert node_cli.cli.json("agent", "--status")["running"] is True
    [tunnel] = [
        each
        for each in node_cli.cli.json("instance", "show", "calm-otter")["tunnels"]
        if each["remote_port"] == service
    ]
    assert (tunnel["local_port"], tunnel["state"]) == (port, "open")
    closed = node_cli.cli.json("instance", "forward", "calm-otter", str(service), "--off")
    assert closed["state"] == "closed"
    until(lambda: not listens(port))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_port_that_does_not_open_is_said_so_and_exits_1(node_cli: NodeCli, service: int) -> None:
    node_cli.machine.kill()
    answer = node_cli.cli("instance", "forward", "calm-otter", str(service), "-o", "json")
    assert answer.code == 1
    assert answer.data["state"] in ("opening", "failed")
    assert "does not lead to calm-otter" in answer.err


def test_a_port_that_is_taken_is_refused(node_cli: NodeCli, service: int) -> None:
    answer = node_cli.cli("instance", "forward", "calm-otter", "9", "--local-port", str(service), "-o", "json")
    assert (answer.code, answer.error["error"]) == (4, "Conflict")


def test_a_shell_has_the_terminal(node_cli: NodeCli) -> None:
    near, far = pty.openpty()
    process = ssh(node_cli, stdin=far, stdout=far, stderr=far, start_new_session=True)
    os.close(far)
    said = b""
    try:
        os.write(near, b"[ -t 0 ] && echo is-a-$((40 + 2))-terminal; exit 5\n")
        deadline = time.monotonic() + 60
        while b"is-a-42-terminal" not in said and time.monotonic() < deadline:
            if select.select([near], [], [], 1)[0]:
                said += os.read(near, 4096)
        assert b"is-a-42-terminal" in said
        assert process.wait(timeout=30) == 5
    finally:
        process.kill()
        os.close(near)


def test_nothing_secret_and_nothing_unneeded_reaches_the_child(node_cli: NodeCli, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text('#!/bin/sh\nenv\nprintf "%s\\n" "$@"\n')
    (folder / "ssh").chmod(0o755)
    node_cli.cli.environment |= {"PATH": f"{folder}:/usr/bin:/bin", "HF_TOKEN": "hf_PLANTED" + "x" * 20}
    node_cli.cli.environment |= {"AWS_SECRET_ACCESS_KEY": "PLANTED", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    out, err = ssh(node_cli, "--", "true").communicate(timeout=60)
    assert "LC_ALL=C.UTF-8" in out
    assert "TERM=xterm" in out
    assert "IdentitiesOnly=yes" in out, err
    assert "PLANTED" not in out + err
    assert "PRIVATE KEY" not in out


def test_without_openssh_the_package_is_named(node_cli: NodeCli, tmp_path: Path) -> None:
    node_cli.cli.environment["PATH"] = str(tmp_path)
    _out, err = ssh(node_cli, "--", "true").communicate(timeout=60)
    assert "openssh-client" in err


# -- what is told


def test_show_tells_set_up_idleness_and_link(node_cli: NodeCli) -> None:
    async def report(context: Context) -> None:
        steps = (
            SetupStep(stage=SetupStage.IMAGE, state=StepState.DONE, elapsed_seconds=61),
            SetupStep(stage=SetupStage.MODEL, state=StepState.FAILED, name="llama3", detail="The disk is full."),
        )
        now = context.clock.now()
        put = NodeReport(instance_id=node_cli.instance_id, host_id=context.actor.host_id, steps=steps, read_at=now)
        async with context.store.write() as transaction:
            await transaction.node_reports.put(put)

    node_cli.in_store(report)
    shown = node_cli.cli.json("instance", "show", "calm-otter")
    assert shown["setup"]["problem"] == "The disk is full."
    assert "--source setup" in shown["setup"]["log_hint"]
    assert [step["typical_seconds"] for step in shown["setup"]["steps"]] == [None, None]
    assert shown["link"]["age_seconds"] is not None
    assert shown["ssh"].startswith("ssh ")
    assert shown["tunnels"] == []
    [listed] = node_cli.cli.json("instance", "list")
    assert (listed["setup_stage"], listed["idle_ends_at"]) == ("model", None)
    told = node_cli.cli.json("instance", "setup", "calm-otter")
    assert told["steps"] == shown["setup"]["steps"]
    table = node_cli.cli("instance", "setup", "calm-otter").out
    assert "The disk is full." in table


def test_nothing_of_the_tests_runs_on(node_cli: NodeCli) -> None:
    assert running(MARKER) == []
