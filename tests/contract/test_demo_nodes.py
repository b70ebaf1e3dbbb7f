"""The demo's machines over ssh: the product's own commands, a shell, forwards, and every way they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import httpx
import pytest

from aicompute_tui.domain.errors import AuthFailed
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.node import NodeReading, SetupStage, StepState, is_set_up
from aicompute_tui.domain.remote import TAG_AWAKE_UNTIL
from aicompute_tui.metrics.node_watch import WatchParser, watch_command
from aicompute_tui.services.node_logs import NodeLog, node_log_items
from aicompute_tui.services.shell import ssh_argv
from aicompute_tui.ssh.base import NodeAddress
from aicompute_tui.ssh.pool import NodePool
from tests.contract.demo_street import CLOCK, Machine, Street, answers, open_street, refuses
from tests.needs import need
from tests.waiting import until

pytestmark = pytest.mark.asyncio
CHAT = {"messages": [{"role": "user", "content": "Say something about memory."}]}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with open_street(tmp_path_factory.mktemp("street")) as opened:
        yield opened


@contextlib.asynccontextmanager
async def connected(street: Street) -> AsyncIterator[NodePool]:
    pool = street.pool()
    try:
        yield pool
    finally:
        await pool.aclose()


@contextlib.asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def read(pool: NodePool, machine: Machine) -> NodeReading:
    done = await pool.run(machine.address, watch_command(1, once=True))
    assert done.exit_code == 0, done.stderr
    parser = WatchParser()
    readings = [found for line in done.stdout.decode().splitlines() if (found := parser.feed(line, CLOCK.now()))]
    assert len(readings) == 1
    return readings[0]


async def set_up(pool: NodePool, machine: Machine) -> NodeReading:
    async def whole() -> NodeReading | None:
        reading = await read(pool, machine)
        return reading if is_set_up(reading.steps) else None

    found = await until(whole, "the machine is set up")
    assert isinstance(found, NodeReading)
    return found


async def lines_of(pool: NodePool, machine: Machine, log: NodeLog) -> list[str]:
    async def find() -> NodeAddress:
        return machine.address

    found: list[str] = []
    async for item in node_log_items(pool, find, log, clock=CLOCK):
        lines = item.get("lines")
        if isinstance(lines, list):
            found += [str(line) for line in lines]
    return found


@pytest.fixture
def leisurely_street(tmp_path: Path) -> Iterator[Street]:
    with open_street(tmp_path, set_up_seconds=8) as opened:
        yield opened


async def test_a_machine_sets_itself_up_and_its_logs_tell_of_it(leisurely_street: Street) -> None:
    street = leisurely_street
    machine = await street.launch("ollama", ("qwen2.5-coder:7b", "nomic-embed-text"))
    async with connected(street) as pool:
        first = await read(pool, machine)
        assert not is_set_up(first.steps)
        assert first.activity is not None
        assert first.activity.busy_because == "set-up"
        names = [(step.stage, step.name) for step in first.steps]
        assert names[-3:] == [
            (SetupStage.MODEL, "qwen2.5-coder:7b"),
            (SetupStage.MODEL, "nomic-embed-text"),
            (SetupStage.READY, ""),
        ]
        last = await set_up(pool, machine)
        assert {step.state for step in last.steps} == {StepState.DONE}
        [gpu] = last.gpus
        assert gpu.name == "NVIDIA A10G"
        assert gpu.memory_total_mib
        setup = await lines_of(pool, machine, NodeLog(source="setup"))
        assert "nomic-embed-text: done." in " ".join(setup)
        assert len(await lines_of(pool, machine, NodeLog(source="setup", tail=3))) == 3
        assert "Cloud-init" in (await lines_of(pool, machine, NodeLog(source="cloud-init")))[0]
        assert "aic-tui-watch" in " ".join(await lines_of(pool, machine, NodeLog(source="node")))
        framework = await lines_of(pool, machine, NodeLog(source="framework", since_seconds=3_600))
        assert any("Listening on" in line for line in framework)
        assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z ", line) for line in framework)


async def test_a_followed_log_brings_what_is_written_later(street: Street) -> None:
    machine = await street.launch("vllm", ("meta-llama/Llama-3.1-8B-Instruct",))
    async with connected(street) as pool:

        async def find() -> NodeAddress:
            return machine.address

        following = node_log_items(pool, find, NodeLog(source="setup", tail=1, follow=True), clock=CLOCK)
        seen = ""
        async with asyncio.timeout(60), contextlib.aclosing(following):
            async for item in following:
                seen += str(item.get("lines", ""))
                if "ready : done." in seen:
                    break
        await asyncio.wait_for(pool.run(machine.address, "true"), 30)


async def test_requests_through_a_forward_are_streamed_and_keep_the_machine_busy(street: Street) -> None:
    machine = await street.launch("vllm", ("meta-llama/Llama-3.1-8B-Instruct",), idle_seconds=600)
    async with connected(street) as pool:
        await set_up(pool, machine)
        forward = await pool.forward(machine.address, 8000, 0)
        base = f"http://127.0.0.1:{forward.local_port}"
        async with httpx.AsyncClient(base_url=base, timeout=20, trust_env=False) as client:
            assert (await client.get("/health")).status_code == 200
            models = (await client.get("/v1/models")).json()
            model = models["data"][0]["id"]
            assert model == "meta-llama/Llama-3.1-8B-Instruct"
            asked = {"model": model, **CHAT, "stream": True, "stream_options": {"include_usage": True}}
            answers: list[list[Any]] = []

            async def talk() -> None:
                while True:
                    async with client.stream("POST", "/v1/chat/completions", json=asked) as answer:
                        lines = [line async for line in answer.aiter_lines()]
                    answers.append([json.loads(line[6:]) for line in lines if line.startswith("data: {")])

            async def is_busy() -> bool:
                activity = (await read(pool, machine)).activity
                return activity is not None and activity.idle_since is None and (activity.requests_running or 0) >= 1

            async with background(talk()):
                await until(is_busy, "a request is told of while it runs")
                await until(lambda: answers, "an answer comes whole")
            events = answers[0]
            said = [event["choices"][0]["delta"].get("content") for event in events if event["choices"]]
            assert len([word for word in said if word]) > 10
            assert events[-1]["usage"]["completion_tokens"] > 10
            unknown = await client.post("/v1/chat/completions", json={"model": "nothing", **CHAT})
            assert unknown.status_code == 404
            assert "vllm:num_requests_running{" in (await client.get("/metrics")).text
        log = await lines_of(pool, machine, NodeLog(source="framework", tail=2_000))
        assert any('"POST /v1/chat/completions HTTP/1.1" 404' in line for line in log)
        await forward.aclose()
        refused = await pool.forward(machine.address, 8001, 0)
        with pytest.raises(httpx.HTTPError):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(f"http://127.0.0.1:{refused.local_port}/health")
        await refused.aclose()


async def test_ollama_answers_in_its_own_shapes(street: Street) -> None:
    machine = await street.launch("ollama", ("llama3.2:3b",))
    async with connected(street) as pool:
        await set_up(pool, machine)
        forward = await pool.forward(machine.address, 11434, 0)
        base = f"http://127.0.0.1:{forward.local_port}"
        async with httpx.AsyncClient(base_url=base, timeout=20, trust_env=False) as client:
            assert (await client.get("/api/version")).json()["version"]
            assert [model["name"] for model in (await client.get("/api/tags")).json()["models"]] == ["llama3.2:3b"]
            answer = await client.post("/api/chat", json={"model": "llama3.2:3b", **CHAT})
            parts = [json.loads(line) for line in answer.text.splitlines()]
            assert parts[-1]["done"]
            assert parts[-1]["eval_count"] == len(parts) - 1
            [loaded] = (await client.get("/api/ps")).json()["models"]
            assert loaded["size_vram"] == loaded["size"]
            assert (await client.post("/api/chat", json={"model": "absent", **CHAT})).status_code == 404
        await forward.aclose()


async def test_a_shell_on_a_terminal(street: Street) -> None:
    machine = await street.launch(idle_seconds=600)
    async with connected(street) as pool:
        await set_up(pool, machine)
        async with asyncssh.connect(
            machine.address.host,
            machine.address.port,
            username="ubuntu",
            client_keys=[str(street.places.ssh_key)],
            known_hosts=None,
            config=None,
        ) as connection:
            process = await connection.create_process(term_type="xterm", term_size=(80, 24))
            prompt = f"ubuntu@{machine.row.name}:~$ "
            assert prompt in await process.stdout.readuntil("$ ") + " "
            process.change_terminal_size(120, 40)
            process.stdin.write("whoami\r")
            assert "ubuntu" in await process.stdout.readuntil("$ ")
            process.stdin.write("nvidia-smi\r")
            assert "NVIDIA A10G" in await process.stdout.readuntil("$ ")
            process.stdin.write("rm -rf /\r")
            assert "rm: command not found" in await process.stdout.readuntil("$ ")
            activity = (await read(pool, machine)).activity
            assert activity is not None
            assert activity.busy_because == "a shell in use"
            process.stdin.write("exit 3\r")
            await process.wait()
            assert process.exit_status == 3


async def test_openssh_logs_in_with_the_products_own_command(street: Street) -> None:
    need("ssh", shutil.which("ssh") is not None, "apt-get install openssh-client")
    machine = await street.launch()
    places = street.places
    argv = ssh_argv(machine.address, places.ssh_key, places.known_hosts, ["hostname"])

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)

    places.known_hosts.unlink(missing_ok=True)
    assert (await asyncio.to_thread(run)).returncode == 255
    assert not places.known_hosts.exists(), "only we write keys down, with the lock held"
    async with connected(street) as pool:
        await pool.run(machine.address, "true")
    done = await asyncio.to_thread(run)
    assert done.stdout.strip() == machine.row.name, done.stderr
    shell = ssh_argv(machine.address, places.ssh_key, places.known_hosts, [])
    code, said = await asyncio.to_thread(at_a_terminal, [shell[0], "-tt", *shell[1:]], b"uptime\r\x04")
    assert "load average" in said
    assert code == 0


def at_a_terminal(argv: list[str], keys: bytes) -> tuple[int, str]:
    """Types `keys` once a prompt stands; what was shown until the end."""
    master, slave = pty.openpty()
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    said, typed, deadline = b"", False, time.monotonic() + 30
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        assert time.monotonic() < deadline, said
        if select.select([master], [], [], 0.1)[0]:
            try:
                said += os.read(master, 4096)
            except OSError:
                break
        if b"$ " in said and not typed:
            typed = True
            os.write(master, keys)
    os.close(master)
    return process.wait(10), said.decode(errors="replace")


async def test_only_this_homes_key_is_let_in(street: Street, tmp_path: Path) -> None:
    machine = await street.launch()
    other = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "other").write_bytes(other.export_private_key())
    (tmp_path / "other").chmod(0o600)
    pool = NodePool(tmp_path / "other", tmp_path / "known_hosts", CLOCK)
    with pytest.raises(AuthFailed):
        await pool.run(machine.address, "true")
    await pool.aclose()


async def test_an_idle_machine_ends_itself(street: Street) -> None:
    machine = await street.launch(idle_seconds=2, is_awaited=False)
    await until(lambda: street.state(machine.remote_id)[0] == "terminated", "it ends")
    assert street.state(machine.remote_id)[1] == "Client.InstanceInitiatedShutdown"
    await until(lambda: refuses(machine.address), "nothing answers there any more")


async def test_an_extension_holds_idleness_off(street: Street) -> None:
    machine = await street.launch(idle_seconds=60)
    until_then = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=600)
    tag = {"Key": TAG_AWAKE_UNTIL, "Value": format_moment(until_then)}
    await asyncio.to_thread(ec2(street).create_tags, Resources=[machine.remote_id], Tags=[tag])
    async with connected(street) as pool:

        async def end() -> bool:
            activity = (await read(pool, machine)).activity
            return activity is not None and activity.idle_ends_at == until_then

        await until(end, "idleness waits for the extension")


async def test_a_machine_ends_itself_when_its_time_is_up(street: Street) -> None:
    machine = await street.launch(ttl_seconds=3, is_awaited=False)
    await until(lambda: street.state(machine.remote_id)[0] == "terminated", "it ends")
    assert street.state(machine.remote_id)[1] == "Client.InstanceInitiatedShutdown"


async def test_the_cloud_takes_a_machine_back_after_a_notice(street: Street) -> None:
    machine = await street.launch("vllm", ("a/b",))
    async with connected(street) as pool:
        await set_up(pool, machine)
        street.world.announce_interruption(machine.remote_id, seconds=12)

        async def notice() -> str:
            activity = (await read(pool, machine)).activity
            return activity.notice if activity is not None else ""

        text = await until(notice, "the notice is told")
        moment = re.fullmatch(r"The cloud takes this machine back at (\S+)\.", str(text))
        assert moment is not None
        assert datetime.fromisoformat(moment[1]) > datetime(2020, 1, 1, tzinfo=UTC)
    await until(lambda: street.state(machine.remote_id)[0] == "terminated", "it is taken back")
    assert street.state(machine.remote_id)[1] == "Server.SpotInstanceTermination"
    await until(lambda: refuses(machine.address), "nothing answers there any more")


async def test_a_stopped_machine_refuses_and_a_started_one_finds_everything_there(street: Street) -> None:
    machine = await street.launch("ollama", ("llama3.2:3b",), market=Market.ON_DEMAND)
    async with connected(street) as pool:
        await set_up(pool, machine)
    client = ec2(street)
    await asyncio.to_thread(client.stop_instances, InstanceIds=[machine.remote_id])
    await until(lambda: refuses(machine.address), "it is off")
    await asyncio.to_thread(client.start_instances, InstanceIds=[machine.remote_id])
    await until(lambda: answers(machine.address), "it is on again")
    async with connected(street) as pool:
        await set_up(pool, machine)
        assert len(await lines_of(pool, machine, NodeLog(source="setup", tail=5))) == 5


async def test_the_machines_end_with_whoever_started_them(tmp_path: Path) -> None:
    with open_street(tmp_path) as street:
        machine = await street.launch()
        assert street.process.stdin is not None
        street.process.stdin.close()
        assert await asyncio.to_thread(street.process.wait, 10) == 0
        assert await refuses(machine.address)


async def test_secrets_reach_a_machine_and_guard_its_server(street: Street) -> None:
    machine = await street.launch("vllm", ("a/b",))
    async with connected(street) as pool:
        await set_up(pool, machine)
        command = "umask 077; sudo -n tee /etc/aic-tui/secrets.env >/dev/null"
        await pool.run(machine.address, command, stdin=b"API_KEY=of-the-test\n")
        forward = await pool.forward(machine.address, 8000, 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{forward.local_port}", trust_env=False) as client:
            assert (await client.get("/v1/models")).status_code == 401
            given = {"Authorization": "Bearer of-the-test"}
            assert (await client.get("/v1/models", headers=given)).status_code == 200
        await forward.aclose()
        said = " ".join(await lines_of(pool, machine, NodeLog(source="node")))
        assert "API_KEY" in said
        assert "of-the-test" not in said


def ec2(street: Street) -> Any:
    environment = street.world.environment()
    return boto3.client(
        "ec2",
        endpoint_url=street.world.url,
        region_name="ca-central-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
