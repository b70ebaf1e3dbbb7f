"""The demo's hub, read as the product reads Hugging Face: what ships is told there as well, pages, gates and all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.demo.lab.hub import listen, repositories
from aicompute_tui.hub.base import Hub, ModelQuery
from aicompute_tui.hub.curated import curated_models
from aicompute_tui.hub.huggingface import HubDoor
from aicompute_tui.services.model_facts import facts_of
from tests.contract.ssh_world import free_port

pytestmark = pytest.mark.asyncio
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    port = free_port()
    server = await listen(port)
    door = HubDoor({"HF_ENDPOINT": f"http://127.0.0.1:{port}"}, tmp_path, now=lambda: NOW, may_reach=lambda url: True)
    yield door.open(None, None)
    await door.aclose()
    server.close()
    await server.wait_closed()


async def test_every_shipped_model_is_there_with_its_figures(hub: Hub) -> None:
    for known in curated_models():
        facts = await facts_of(hub, known.hub_id)
        assert facts.shape.weights_bytes == known.weights_bytes, known.name
        assert facts.model.task == known.task
        if known.purpose != "images":
            assert facts.shape.missing == (), known.name


async def test_gguf_files_have_a_shape_of_their_own(hub: Hub) -> None:
    facts = await facts_of(hub, "bartowski/Qwen2.5-7B-Instruct-GGUF")
    assert [each.name for each in facts.variants] == ["Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"]
    assert facts.chosen is not None
    assert (facts.chosen.name, facts.shape.missing, facts.shape.context_length) == ("Q4_K_M", (), 32768)


async def test_it_is_searched_and_paged(hub: Hub) -> None:
    seen: list[str] = []
    query = ModelQuery(sort="downloads", limit=10)
    while True:
        page = await hub.models(query)
        seen += [model.id for model in page.models]
        if page.next_cursor is None:
            break
        query = ModelQuery(sort="downloads", limit=10, cursor=page.next_cursor)
    assert len(seen) == len(set(seen)) == len(repositories())
    found = await hub.models(ModelQuery(words="llama 70b", tags=("awq",)))
    assert {model.quantisation for model in found.models} == {"awq"}
    small = await hub.models(ModelQuery(parameters="min:1B,max:2B", tags=("safetensors",)))
    assert {"meta-llama/Llama-3.2-1B-Instruct"} <= {model.id for model in small.models}
    assert all((model.stored_parameters or (("", 0),))[0][1] <= 2 * 10**9 for model in small.models)
