"""One GET to servers with good and bad manners: what comes back, what is told of what does not, and when it is left."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import AicError, BadAnswer, InvalidInput, NotTrusted, TimedOut, Unreachable
from aicompute_tui.http import addresses
from aicompute_tui.http.exchange import Line, get
from aicompute_tui.http.talk import Answer
from tests.contract.certificates import make_certificates
from tests.contract.llm_servers import llm_server

pytestmark = pytest.mark.asyncio
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def serving(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[str]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(served, host, 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.close()


def saying(*parts: bytes, pause: float = 0.0, ends: bool = True) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if not ends:
            await reader.read()
        writer.write_eof()
        await reader.read()

    return serve


async def asked(*parts: bytes, seconds: float = 5.0, most_bytes: int = 1_000, pause: float = 0.0) -> Answer:
    async with serving(saying(*parts, pause=pause)) as url:
        return await get(url, {}, seconds=seconds, most_bytes=most_bytes)


async def test_an_answer_of_known_length_in_pieces_or_until_the_end(tmp_path: Path) -> None:
    del tmp_path
    for said in (
        b"Content-Length: 5\r\n\r\nhello and more",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"\r\nhello",
    ):
        answer = await asked(OK + b"X-Thing: a\r\n" + said)
        assert (answer.status, answer.body, answer.is_whole, answer.headers["x-thing"]) == (200, b"hello", True, "a")


async def test_a_header_that_comes_twice_is_told_whole() -> None:
    answer = await asked(OK + b"Retry-After: 120\r\nretry-after: 60\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers["retry-after"] == "120, 60"


async def test_what_is_said_in_passing_is_no_answer() -> None:
    answer = await asked(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok")
    assert (answer.status, answer.body, answer.headers) == (200, b"ok", {"content-length": "2"})


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_ends_with_its_headers(status: bytes) -> None:
    async with serving(saying(b"HTTP/1.1 " + status + b"\r\nX: y\r\n\r\n", ends=False)) as url:
        assert (await get(url, {}, seconds=5)).body == b""


async def test_a_trailer_changes_no_header() -> None:
    answer = await asked(OK + b"X: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: other\r\nY: z\r\n\r\n")
    assert (answer.body, answer.headers) == (b"ok", {"x": "a", "transfer-encoding": "chunked"})


async def test_chunks_count_where_a_length_is_told_too_and_the_connection_is_left() -> None:
    met: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(0)
        while await reader.readuntil(b"\r\n\r\n"):
            met[-1] += 1
            said = b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            writer.write(OK + said)
            await writer.drain()

    async with serving(serve) as url:
        line = Line()
        for _ in range(2):
            assert (await get(url, {}, seconds=5, line=line)).body == b"ok"
        line.close()
    assert met == [1, 1]


async def test_simple_servers_that_end_lines_their_own_way() -> None:
    answer = await asked(b"HTTP/1.0 200 OK\nContent-Type: text/plain\n\nhello")
    assert (answer.body, answer.headers) == (b"hello", {"content-type": "text/plain"})


async def test_it_asks_as_a_browser_would_with_the_headers_given() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(serve) as url:
        await get(f"{url}/v1/models?limit=1", {"Authorization": "Bearer k"}, seconds=5)
    head = heard[0].decode()
    assert head.startswith("GET /v1/models?limit=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "Authorization: Bearer k\r\n" in head


async def test_any_status_is_an_answer_and_nothing_is_followed() -> None:
    answer = await asked(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.headers["location"]) == (302, "http://elsewhere.example/")


async def test_what_sends_without_end_is_left() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with serving(serve) as url:
        answer = await get(url, {}, seconds=5, most_bytes=100_000)
    assert (len(answer.body), answer.is_whole) == (100_000, False)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", BadAnswer),
        (OK + b"Content-Length: 100\r\n\r\nhalf", BadAnswer),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", BadAnswer),
        (OK + b"X: " + b"y" * 200_000, BadAnswer),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: " + b"y" * 200_000, BadAnswer),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=" + b"y" * 200_000, BadAnswer),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", BadAnswer),
        (b"", Unreachable),
    ],
)
async def test_what_is_no_http_or_breaks_off_is_told(said: bytes, kind: type[AicError]) -> None:
    with pytest.raises(kind) as caught:
        await asked(said)
    assert type(caught.value) is kind
    assert "127.0.0.1" in caught.value.message


@pytest.mark.parametrize("parts", [(), (b"HTTP/1.1 2", b"00", b" OK\r\n", *[b"A: b\r\n"] * 200)])
async def test_a_server_that_stalls_is_left_in_time(parts: tuple[bytes, ...]) -> None:
    async with serving(saying(*parts, pause=0.1, ends=False)) as url:
        began = time.monotonic()
        with pytest.raises(TimedOut, match=r"did not answer within 0\.5 s"):
            await get(url, {}, seconds=0.5)
        assert time.monotonic() - began < 10


async def test_a_port_that_nobody_listens_at() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="Nothing answers at http://127"):
            await get(f"http://127.0.0.1:{held.getsockname()[1]}/v1", {}, seconds=5)


async def test_an_address_of_the_newer_kind() -> None:
    try:
        async with serving(saying(OK + b"Content-Length: 2\r\n\r\nok"), "::1") as url:
            assert (await get(url, {}, seconds=5)).body == b"ok"
    except OSError:
        pytest.skip("this machine has no IPv6")


async def test_a_resolver_that_says_nothing_holds_up_no_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    stalled = threading.Event()
    monkeypatch.setattr(addresses, "_resolved", lambda *_: stalled.wait(20) and [])
    try:
        asking = [asyncio.create_task(get("http://gone.example", {}, seconds=0.5)) for _ in range(40)]
        async with asyncio.timeout(15):
            assert await asyncio.to_thread(lambda: "free") == "free"
            found = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in found} == {TimedOut}
    finally:
        stalled.set()


async def test_names_that_stall_delay_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred of them, asked for twice: the second time they wait for each other alone."""
    stalled, asked = threading.Event(), list[str]()

    def resolved(host: str) -> list[str]:
        asked.append(host)
        if host.startswith("stalls"):
            stalled.wait(20)
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses, "_resolved", resolved)
    monkeypatch.setattr(addresses, "_names", addresses._Names())
    monkeypatch.setattr(addresses, "_SLOW_SECONDS", 0.001)
    names = [f"stalls{number}.example" for number in range(100)]
    stalling = [asyncio.create_task(addresses.addresses_of(name)) for name in [*names, *names]]
    try:
        async with asyncio.timeout(15):
            assert await addresses.addresses_of("quick.example") == ["127.0.0.1"]
        assert len(asked) == len(set(asked)), "of one name there is one look-up, whoever asks"
        stalled.set()
        await asyncio.gather(*stalling)
        stalled.clear()
        stalling = [asyncio.create_task(addresses.addresses_of(name)) for name in names]
        async with asyncio.timeout(15):
            assert await addresses.addresses_of("other.example") == ["127.0.0.1"]
        assert threading.active_count() < 80, "those that stalled before take few threads"
    finally:
        stalled.set()
        await asyncio.gather(*stalling)


async def test_names_are_looked_up_again_once_there_are_threads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = 300

    class Scarce(threading.Thread):
        def start(self) -> None:
            nonlocal missing
            missing -= 1
            if missing >= 0:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threading, "Thread", Scarce)
    monkeypatch.setattr(addresses, "_resolved", lambda _: ["127.0.0.1"])
    monkeypatch.setattr(addresses, "_names", addresses._Names())
    monkeypatch.setattr(addresses, "_SLOW_SECONDS", 0.001)
    async with asyncio.timeout(15):
        assert await addresses.addresses_of("one.example") == ["127.0.0.1"]
    assert missing < 0


async def test_a_certificate_must_be_one_to_trust(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with llm_server(certificates) as server:
        server.json("/v1/models", {"data": []})
        url = f"{server.url}/v1/models"
        with pytest.raises(NotTrusted, match="is not trusted"):
            await get(url, {}, seconds=5)
        assert (await get(url, {}, seconds=5, tls_ca=str(certificates.authority))).body == b'{"data": []}'
        with pytest.raises(NotTrusted, match="cannot be read"):
            await get(url, {}, seconds=5, tls_ca=str(tmp_path / "absent.pem"))
    with llm_server() as plain, pytest.raises(NotTrusted, match="No secure connection"):
        await get(plain.url.replace("http:", "https:"), {}, seconds=5)


@pytest.mark.parametrize("value", ["Bearer a\r\nb", "a\nb", "a\0b", "a\u20ac"])
async def test_a_header_that_cannot_be_sent_is_our_own_error(value: str) -> None:
    with llm_server() as server, pytest.raises(InvalidInput):
        await get(server.url, {"Authorization": value}, seconds=5)
    with llm_server() as server, pytest.raises(InvalidInput):
        await get(f"{server.url}/a b", {}, seconds=5)


async def test_far_addresses_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with llm_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        proxy.json("http://far.example/v1/models", {"data": []})
        answer = await get("http://far.example/v1/models", {"X-Key": "k"}, seconds=5)
        assert (answer.status, answer.body) == (200, b'{"data": []}')
        assert proxy.asked[0].headers["x-key"] == "k"
        near = await get(f"{proxy.url}/near", {}, seconds=5)
        assert near.status == 404
        assert proxy.asked[1].path == "/near"


async def test_questions_of_one_moment_share_a_connection_as_long_as_it_lasts() -> None:
    met: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(0)
        for _ in range(2):  # and then it closes without a word
            await reader.readuntil(b"\r\n\r\n")
            met[-1] += 1
            writer.write(OK + b"Content-Length: 2\r\n\r\nok")
            await writer.drain()

    async with serving(serve) as url:
        line = Line()
        for _ in range(3):
            assert (await get(url, {}, seconds=5, line=line)).body == b"ok"
        both = await asyncio.gather(*(get(url, {}, seconds=5, line=line) for _ in range(2)))
        line.close()
    assert [each.body for each in both] == [b"ok", b"ok"]
    assert (met[0], sum(met)) == (2, 5)


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Len", OK + b"Content-Length: 3\r\n\r\nbad", b"rubbish"])
async def test_what_nobody_asked_for_is_never_taken_for_the_next_answer(more: bytes) -> None:
    met: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(0)
        while True:
            await reader.readuntil(b"\r\n\r\n")
            met[-1] += 1
            writer.write(OK + b"Content-Length: 2\r\n\r\nok" + more)
            await writer.drain()

    async with serving(serve) as url:
        line = Line()
        for _ in range(3):
            assert (await get(url, {}, seconds=5, line=line)).body == b"ok"
        line.close()
    assert met == [1, 1, 1]


async def test_a_server_that_ends_each_connection_is_met_anew() -> None:
    met: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(0)
        while await reader.readuntil(b"\r\n\r\n"):
            met[-1] += 1
            writer.write(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

    async with serving(serve) as url:
        line = Line()
        for _ in range(2):
            assert (await get(url, {}, seconds=5, line=line)).body == b"ok"
        line.close()
    assert met == [1, 1]
