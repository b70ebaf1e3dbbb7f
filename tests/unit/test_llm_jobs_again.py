"""Jobs on connections and model servers whose process died after the deed: taken up again they harm nothing."""

from __future__ import annotations

import json
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.actions.registry import ACTIONS, resolve_handler
from aicompute_tui.domain.errors import InvalidInput, NotFound, Refused
from aicompute_tui.domain.job import JOB_LEASE_SECONDS, Job
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services import server_verbs
from aicompute_tui.services.jobs import RunningJob, run_job
from tests.contract.server_standins import KINDS, StandIn, stand_in
from tests.unit import fake_cloud
from tests.unit.fake_cloud import Bench

pytestmark = pytest.mark.asyncio


class Died(BaseException):
    """As a process that is killed: no handler of errors sees it."""


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with fake_cloud.bench(tmp_path) as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


async def dies(bench: Bench, action_id: str, **arguments: object) -> Job:
    """The job as a process leaves it that was killed within its handler."""
    job = await bench.submitted(action_id, **arguments)
    handler: Any = resolve_handler(ACTIONS[action_id])
    running = bench.context.with_job(RunningJob(bench.context.store, bench.clock, job))
    with pytest.raises(Died):
        await handler(running, json.loads(job.parameters_json))
    return job


async def taken_up(bench: Bench, job: Job) -> Any:
    bench.clock.advance(seconds=JOB_LEASE_SECONDS + 1)
    async with bench.context.store.write() as transaction:
        claimed = await transaction.jobs.claim(job.id, "agent", bench.clock.now())
    assert claimed is not None
    return await run_job(bench.context, claimed)


@pytest.fixture
def dies_after_asking(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Between what the server did and what is written down of it, once."""
    with monkeypatch.context() as patched:

        async def die(*_: object) -> None:
            raise Died

        patched.setattr(server_verbs, "_written_down", die)
        yield patched


async def test_a_model_that_was_deleted_before_the_crash_is_deleted(
    bench: Bench, server: StandIn, dies_after_asking: pytest.MonkeyPatch
) -> None:
    KINDS[ServerKind.OLLAMA](server)
    await bench.job("server.add", name="box", url=server.url)
    server.text("/api/delete", "")
    job = await dies(bench, "server.delete-model", name="box", model="gone:1b")
    dies_after_asking.undo()
    server.json("/api/delete", {"error": "model 'gone:1b' not found"}, 404)
    assert (await taken_up(bench, job))["done"] == "gone:1b was deleted"
    with pytest.raises(NotFound):
        await bench.job("server.delete-model", name="box", model="gone:1b")
    server.json("/api/delete", {"error": "model 'qwen:4b' is in use"}, 404)
    stays = await bench.submitted("server.delete-model", name="box", model="qwen:4b")
    running = RunningJob(bench.context.store, bench.clock, stays)
    await running.progress("asking box")
    with pytest.raises(NotFound):
        await taken_up(bench, stays)


async def test_an_adapter_that_was_loaded_before_the_crash_is_loaded(
    bench: Bench, server: StandIn, dies_after_asking: pytest.MonkeyPatch
) -> None:
    """In which words vLLM refuses an adapter that it has, or has not, is UNVERIFIED."""
    KINDS[ServerKind.VLLM](server)
    await bench.job("server.add", name="box", url=server.url)
    server.text("/v1/load_lora_adapter", "Success")
    server.text("/v1/unload_lora_adapter", "Success")
    loading = await dies(bench, "server.lora-load", name="box", adapter="sql", path="/adapters/sql")
    unloading = await dies(bench, "server.lora-unload", name="box", adapter="old")
    dies_after_asking.undo()
    error = {"message": "The lora adapter 'sql' has already been loaded.", "type": "InvalidUserInput", "code": 400}
    server.json("/v1/load_lora_adapter", {"error": error}, 400)
    gone = {"message": "The lora adapter 'old' cannot be found.", "type": "NotFoundError", "code": 404}
    server.json("/v1/unload_lora_adapter", {"error": gone}, 404)
    assert (await taken_up(bench, loading))["done"] == "the adapter sql was loaded"
    assert (await taken_up(bench, unloading))["done"] == "the adapter old was unloaded"
    with pytest.raises(InvalidInput, match="refused the request"):
        await bench.job("server.lora-load", name="box", adapter="sql", path="/adapters/sql")
    with pytest.raises(NotFound):
        await bench.job("server.lora-unload", name="box", adapter="old")


async def test_a_file_that_was_written_before_the_crash_is_written_whole(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.job("connection.add", name="one", preset="vllm", url="http://gpu1:8000")
    file = tmp_path / "connections.toml"

    def half(path: Path, *_: object, **__: object) -> None:
        path.write_text("format = ")
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr("aicompute_tui.services.connection_exchange.write_file", half)
        job = await dies(bench, "connection.export", file=str(file))
    assert (await taken_up(bench, job))["connections"] == 1
    assert [each["name"] for each in tomllib.loads(file.read_text())["connections"]] == ["one"]
    assert [path.name for path in tmp_path.glob("*connections*")] == ["connections.toml"]
    with pytest.raises(Refused, match="already"):
        await bench.job("connection.export", file=str(file))
    assert (await bench.event_kinds()).count("connection.exported") == 1


async def test_a_file_of_somebody_else_is_left_though_the_job_was_taken_up_again(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    job = await bench.submitted("connection.export", file=str(file))
    file.write_text("mine")
    with pytest.raises(Refused):
        await taken_up(bench, job)
    assert file.read_text() == "mine"
