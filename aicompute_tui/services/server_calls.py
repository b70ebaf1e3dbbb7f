"""What is asked of servers and changes nothing there: how they are, their models, their figures, and try-outs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.domain.health import TargetKind
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import ModelServer, ServerReading, ServerReport
from aicompute_tui.services.arguments import integer, required_text, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.embedding_views import embedding_view
from aicompute_tui.services.health import Target, take_looks
from aicompute_tui.services.health_checks import look_of, refuse_resting
from aicompute_tui.services.keyed_rows import SERVERS
from aicompute_tui.services.server_readings import report_after
from aicompute_tui.services.server_views import model_view, reading_view, sample_view
from aicompute_tui.services.servers import check_reachable
from aicompute_tui.store.servers import SPANS

_AT_ONCE = 50
_LONGEST_INTERVAL = 300
_MOST_DOCUMENTS = 1_000


async def find(context: Context, arguments: Arguments) -> tuple[ModelServer, str | None]:
    """The server that is named, with its key. Raises AicError."""
    async with context.store.read() as transaction:
        server = await transaction.servers.find(required_text(arguments, "name"))
    check_reachable(context, server.base_url)
    refuse_resting(server)
    return server, await SERVERS.opened_key(context, server)


async def check(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.check`: those that are named, else all in use, many at once; what it saw is written down."""
    names = texts(arguments, "names")
    async with context.store.read() as transaction:
        servers = [await transaction.servers.find(name) for name in names] or [
            each for each in await transaction.servers.list() if each.is_active
        ]
        reports = await transaction.server_reports.list()
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(server: ModelServer) -> ServerReading:
        async with turn:
            return await _read(context, server, reports.get(server.id))

    seen = list(zip(servers, await asyncio.gather(*(one(server) for server in servers)), strict=True))
    looks = [(Target(TargetKind.SERVER, server), look_of(reading)) for server, reading in seen if server.is_active]
    async with context.store.write() as transaction:
        await take_looks(context, transaction, looks)
    return [{"ok": reading.problem is None, **reading_view(server, reading)} for server, reading in seen]


async def _read(context: Context, server: ModelServer, before: ServerReport | None) -> ServerReading:
    from aicompute_tui.servers.reading import read

    now = context.clock.now()
    try:
        check_reachable(context, server.base_url)
        refuse_resting(server)
        secret = await SERVERS.opened_key(context, server)
    except AicError as error:
        return ServerReading(server_id=server.id, read_at=now, problem=error)
    return await read(server, secret, None if before is None else replace(before, facts_at=None), now)


async def models(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.models`: as the server tells them now."""
    from aicompute_tui.servers.reading import facts_now

    server, secret = await find(context, arguments)
    return [model_view(model) for model in (await facts_now(server, secret)).models]


async def metrics(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.metrics`: the history, in the finest grain that reaches back so far."""
    now = context.clock.now()
    back = timedelta(seconds=parse_duration(text(arguments, "since") or "1h"))
    span = next((span for span, kept in SPANS if back <= kept), SPANS[-1][0])
    async with context.store.read() as transaction:
        server = await transaction.servers.find(required_text(arguments, "name"))
        samples = await transaction.server_samples.list(server.id, now - back, span, now)
    return [sample_view(sample) for sample in samples]


async def watch(context: Context, arguments: Arguments) -> AsyncIterator[JsonObject]:
    """Handler of `server.watch`: a reading each few seconds, until it is left."""
    from aicompute_tui.servers.reading import read

    seconds = integer(arguments, "interval", least=1, most=_LONGEST_INTERVAL) or 2
    count = integer(arguments, "count", least=1, most=1_000_000)
    server, secret = await find(context, arguments)
    report: ServerReport | None = None
    told = 0
    while True:
        try:
            server, secret = await find(context, {"name": server.id})  # it may rest by now, or be at another port
            reading = await read(server, secret, report, context.clock.now())
        except NotFound:
            raise
        except AicError as error:
            reading = ServerReading(server_id=server.id, read_at=context.clock.now(), problem=error)
        report = report_after(reading, report)
        yield reading_view(server, reading) | {"models": [model_view(model) for model in report.facts.models]}
        told += 1
        if told == count:
            return
        await context.clock.sleep(seconds)


async def embed(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.embed`: how long it took, how many numbers came, and the first of them."""
    from aicompute_tui.servers.registry import ADAPTERS
    from aicompute_tui.servers.wire import Wire

    server, secret = await find(context, arguments)
    words, model = required_text(arguments, "text"), text(arguments, "model")
    began = time.monotonic()
    adapter, wire, other = ADAPTERS[server.kind], Wire(server, secret), text(arguments, "other")
    found = await adapter.embed(wire, words, model)
    seconds = time.monotonic() - began
    compared = await adapter.embed(wire, other, model) if other is not None else None
    return {
        "name": server.name,
        "model": model,
        **embedding_view(found.vector, None if compared is None else compared.vector),
        "tokens": found.tokens,
        "total_seconds": round(seconds, 4),
    }


async def rerank(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.rerank`: the documents, best first."""
    from aicompute_tui.servers.registry import ADAPTERS
    from aicompute_tui.servers.wire import Wire

    server, secret = await find(context, arguments)
    documents = texts(arguments, "documents")
    if not documents or len(documents) > _MOST_DOCUMENTS:
        raise InvalidInput("Give between 1 and 1,000 documents to rank.", "Each is one argument.")
    query, model = required_text(arguments, "query"), text(arguments, "model")
    ranked = await ADAPTERS[server.kind].rerank(Wire(server, secret), query, documents, model)
    return [
        {"score": round(each.score, 6), "document": documents[each.index], "index": each.index}
        for each in ranked
        if each.index < len(documents)
    ]
