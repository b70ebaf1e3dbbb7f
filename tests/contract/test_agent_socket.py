"""The agent's socket with clients of every kind: well-behaved, garbled, greedy, slow, and other people's."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.agent.client import AgentClient
from aicompute_tui.agent.protocol import MAX_LINE, AgentInfo, SessionSecrets, encode_line, secrets_from
from aicompute_tui.agent.server import Answer, Server
from aicompute_tui.domain.credential import AwsKeys
from aicompute_tui.domain.errors import AicError, InvalidInput, OutOfQuota, Refused, Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.places import Places, places_from
from aicompute_tui.store.schema import SCHEMA_VERSION
from tests.needs import need
from tests.waiting import until

pytestmark = pytest.mark.asyncio
KEYS = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "session", "eu-west-1")


class Desk:
    """Answers questions named after what they do."""

    def __init__(self) -> None:
        self.greeted: list[tuple[str, int, SessionSecrets]] = []
        self.nudged: list[str] = []
        self.asked: list[str] = []
        self.cancelled: list[str] = []

    def info(self) -> AgentInfo:
        return AgentInfo(
            version="1.2.3", schema=7, pid=os.getpid(), since=None, clients=0, host_id="h", is_leaving=False
        )

    async def greet(self, version: str, schema: int, secrets: SessionSecrets) -> None:
        self.greeted.append((version, schema, secrets))

    def nudge(self, what: str) -> None:
        self.nudged.append(what)

    def ask(self, action_id: str, arguments: Mapping[str, object]) -> Answer:
        self.asked.append(action_id)
        if action_id == "stream":
            return self._count()
        return self._answer(action_id, arguments)

    async def _answer(self, action_id: str, arguments: Mapping[str, object]) -> Json:
        match action_id:
            case "echo":
                return {"word": str(arguments.get("word"))}
            case "large":
                return ["é\n" * 100_000] * 20
            case "refuse":
                raise OutOfQuota("The limit is used up.", "Ask for more.")
            case "break":
                raise KeyError("inner")
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.append(action_id)
        return None

    async def _count(self) -> AsyncIterator[Json]:
        try:
            for number in range(1_000_000):
                yield number
                await asyncio.sleep(0)
        finally:
            self.cancelled.append("stream")


class Bench:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.desk = Desk()
        self.server = Server(self.desk)
        self.clients: list[AgentClient] = []

    async def client(self) -> AgentClient:
        client = await AgentClient.connect(self.places)
        self.clients.append(client)
        return client

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.places.agent_socket), limit=4 * MAX_LINE)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    folder = tempfile.mkdtemp(prefix="aic")
    places = places_from({"AIC_TUI_HOME": folder})
    places.ensure()
    bench = Bench(places)
    await bench.server.start(places.agent_socket)
    yield bench
    for client in bench.clients:
        await client.aclose()
    await bench.server.aclose()
    shutil.rmtree(folder)


async def said(reader: asyncio.StreamReader) -> JsonObject:
    async with asyncio.timeout(10):
        answer = json.loads(await reader.readline())
    assert isinstance(answer, dict)
    return answer


async def test_hello_tells_both_sides_who_they_talk_to(bench: Bench) -> None:
    info = await (await bench.client()).hello(SessionSecrets({"aws:env": KEYS}, {"AIC_TUI_VAULT_KEY": "k"}))
    assert (info.version, info.schema, info.pid) == ("1.2.3", 7, os.getpid())
    ((version, schema, secrets),) = bench.desk.greeted
    assert (version, schema) == ("0.1.0", SCHEMA_VERSION)
    assert (secrets.keys["aws:env"], secrets.vault) == (KEYS, {"AIC_TUI_VAULT_KEY": "k"})
    assert "wJalr" not in repr(secrets)
    assert bench.server.clients == 1


async def test_a_query_is_answered_and_its_error_keeps_its_kind(bench: Bench) -> None:
    client = await bench.client()
    assert await client.query("echo", {"word": "ça"}) == {"word": "ça"}
    with pytest.raises(OutOfQuota, match="used up") as caught:
        await client.query("refuse", {})
    assert caught.value.next_step == "Ask for more."


async def test_a_defect_is_answered_in_one_sentence(bench: Bench) -> None:
    with pytest.raises(AicError, match=r"Something went wrong inside the agent \(KeyError\)") as caught:
        await (await bench.client()).query("break", {})
    assert "inner" not in str(caught.value)


async def test_an_answer_longer_than_a_line_comes_whole(bench: Bench) -> None:
    answer = await (await bench.client()).query("large", {})
    assert answer == ["é\n" * 100_000] * 20
    reader, writer = await bench.raw()
    writer.write(encode_line({"id": "1", "op": "query", "action": "large"}))
    line = await reader.readline()
    while b'"ok"' not in line:
        assert len(line) <= MAX_LINE
        line = await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00\n",
        b"[1, 2]\n",
        b"[" * 100_000 + b"\n",
        b'{"op": "fly"}\n',
        b'{"id": 1, "op": "hello"}\n',
        b'{"id": "1", "op": "hello", "version": "1", "schema": 1, "session": {"keys": {"a": 3}}}\n',
        b'{"id": {}, "op": "query", "action": "echo"}\n',
        b'{"id": "1", "op": "query", "action": "echo", "arguments": [1]}\n',
        b"x" * (MAX_LINE + 10) + b"\n",
        b"x" * (3 * MAX_LINE) + b"\n",
    ],
    ids=[
        *("not text", "a list", "too deep", "unknown request", "hello without version", "bad secrets", "bad id"),
        *("bad arguments", "just too long", "much too long"),
    ],
)
async def test_a_bad_line_is_answered_by_an_error_and_the_next_one_is_heard(bench: Bench, line: bytes) -> None:
    reader, writer = await bench.raw()
    writer.write(line)
    answer = await said(reader)
    assert answer["ok"] is False
    error = answer["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "InvalidInput"
    assert error["message"]
    writer.write(encode_line({"id": "2", "op": "query", "action": "echo", "arguments": {"word": "still here"}}))
    assert (await said(reader))["result"] == {"word": "still here"}
    writer.close()


async def test_unreadable_credentials_are_refused_without_repeating_them(bench: Bench) -> None:
    with pytest.raises(InvalidInput) as caught:
        secrets_from({"keys": {"aws:env": {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": ["x"]}}})
    assert "AKIA" not in f"{caught.value} {caught.value.next_step} {caught.value.details}"
    assert caught.value.__cause__ is None


async def test_giving_up_waiting_cancels_the_question(bench: Bench) -> None:
    client = await bench.client()
    assert await client.query("echo", {"word": "x"}) == {"word": "x"}
    with pytest.raises(Unreachable, match="did not answer"):
        await client.query("wait", {}, seconds=0.05)
    await until(lambda: bench.desk.cancelled == ["wait"], "the agent stopped working on it")
    assert await client.query("echo", {"word": "x"}) == {"word": "x"}


async def test_closing_a_stream_cancels_it(bench: Bench) -> None:
    client = await bench.client()
    stream = client.stream("stream", {})
    assert [await anext(stream), await anext(stream)] == [0, 1]
    before = asyncio.all_tasks()
    await stream.aclose()
    assert asyncio.all_tasks() == before, "closing leaves nothing to be done by nobody"
    assert client._waiting == {}
    await until(lambda: bench.desk.cancelled == ["stream"], "the agent stopped counting")


async def test_a_client_that_goes_away_takes_its_questions_with_it(bench: Bench) -> None:
    client = await bench.client()
    question = asyncio.create_task(client.query("wait", {}))
    await until(lambda: bench.desk.asked == ["wait"], "it is being worked on")
    await client.aclose()
    with pytest.raises(Unreachable):
        await question
    await until(lambda: bench.desk.cancelled == ["wait"], "the agent stopped working on it")


async def test_too_many_questions_at_once_are_refused_one_by_one(bench: Bench) -> None:
    client = await bench.client()
    waiting = [asyncio.create_task(client.query("wait", {})) for _ in range(16)]
    await until(lambda: len(bench.desk.asked) == 16, "all are being worked on")
    with pytest.raises(AicError, match="Too many"):
        await client.query("echo", {})
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await until(lambda: len(bench.desk.cancelled) == 16, "all were given up")
    assert await client.query("echo", {"word": "x"}) == {"word": "x"}


async def test_changes_reach_those_who_said_hello(bench: Bench) -> None:
    told, silent = await bench.client(), await bench.client()
    numbers, wrong = list[int](), list[int]()
    told.on_changed = numbers.append
    silent.on_changed = wrong.append
    await told.hello()
    await silent.nudge()
    bench.server.tell(5)
    await until(lambda: numbers == [5], "the change was told")
    await silent.nudge()
    assert wrong == [], "it never said hello"
    assert bench.desk.nudged == ["jobs"] * 2


async def test_a_client_that_reads_nothing_holds_nobody_up(bench: Bench) -> None:
    deaf = socket.socket(socket.AF_UNIX)
    deaf.connect(str(bench.places.agent_socket))
    for number in range(16):
        deaf.sendall(encode_line({"id": str(number), "op": "query", "action": "stream"}))
    quick = await bench.client()
    numbers: list[int] = []
    quick.on_changed = numbers.append
    await quick.hello()
    async with asyncio.timeout(12):
        for number in range(50):
            assert await quick.query("echo", {"word": str(number)}) == {"word": str(number)}
        for number in range(1, 500):
            bench.server.tell(number)
    await until(lambda: numbers[-1:] == [499], "the newest change arrived")
    deaf.close()


async def test_only_the_newest_change_waits_for_a_slow_client(bench: Bench) -> None:
    client = await bench.client()
    numbers: list[int] = []
    client.on_changed = numbers.append
    await client.hello()
    for number in range(1000):
        bench.server.tell(number)
    await until(lambda: numbers[-1:] == [999], "the newest change arrived")
    assert len(numbers) < 10


def can_become_another_user() -> bool:
    words = [sys.executable, "-I", "-c", "import os; os.setgroups([]), os.setgid(65534), os.setuid(65534)"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


async def test_another_users_connection_gets_no_answer() -> None:
    need("users", can_become_another_user(), "run the tests as root, outside a user namespace")
    folder = Path(tempfile.mkdtemp(prefix="aic"))
    folder.chmod(0o755)
    server = Server(Desk())
    path = folder / "agent.sock"
    await server.start(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    script = """
import os, socket, sys
path, user = sys.argv[1], int(sys.argv[2])
os.setgroups([]), os.setgid(user), os.setuid(user)
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(10)
connection.connect(path)
try:
    connection.sendall(b'{"id": "1", "op": "query", "action": "echo"}\\n')
    print(repr(connection.recv(100)))
except OSError:
    print(repr(b""))
"""

    def ask(user: int) -> str:
        words = [sys.executable, "-I", "-c", script, str(path), str(user)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.stdout.strip()

    try:
        assert await asyncio.to_thread(ask, 65534) == "b''"
        assert "word" in await asyncio.to_thread(ask, 0)
    finally:
        await server.aclose()
        shutil.rmtree(folder)


async def test_a_socket_of_another_user_is_not_spoken_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = places_from({"AIC_TUI_HOME": str(tmp_path)})
    places.ensure()
    with pytest.raises(Unreachable, match="No agent is running"):
        await AgentClient.connect(places)
    places.socket_folder.chmod(0o777)
    with pytest.raises(Refused, match="Others may write"):
        await AgentClient.connect(places)
    places.socket_folder.chmod(0o700)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(Refused, match="not a folder of yours"):
        await AgentClient.connect(places)


async def test_a_missing_end_says_the_agent_went_away(bench: Bench) -> None:
    client = await bench.client()
    ended = asyncio.Event()
    client.on_closed = ended.set
    question = asyncio.create_task(client.query("wait", {}))
    await until(lambda: bench.desk.asked == ["wait"], "it is being worked on")
    await bench.server.aclose()
    with pytest.raises(Unreachable, match="went away"):
        await question
    await asyncio.wait_for(ended.wait(), 5)
    with pytest.raises(Unreachable):
        await client.query("echo", {})
