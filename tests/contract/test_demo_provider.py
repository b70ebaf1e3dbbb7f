"""What answers prompts in the demo, asked as any connection is: models, a streamed answer, and a key that is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from aicompute_tui.demo.lab import provider
from aicompute_tui.domain.connection import Connection, Ending, Prompt
from aicompute_tui.domain.errors import AuthFailed
from aicompute_tui.llms.base import Endpoint
from aicompute_tui.llms.calls import answer, list_models
from aicompute_tui.llms.embedding import embed
from aicompute_tui.llms.presets import PRESETS
from tests.contract.store_world import START

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    server = await provider.listen(0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def endpoint(port: int, kind: str, path: str, key: str | None = None) -> Endpoint:
    connection = Connection(
        id="c", owner="ann", created_by="ann@box", name="demo", kind=kind, base_url=f"http://127.0.0.1:{port}{path}",
        created_at=START,
    )  # fmt: skip
    return Endpoint(connection, PRESETS[kind], key)


@pytest.mark.parametrize(
    ("kind", "path", "key", "models"),
    [
        ("vllm", "/v1", None, provider.OWN_MODELS),
        ("openai-compatible", provider.HOSTED_PATH, provider.HOSTED_KEY, provider.HOSTED_MODELS),
        ("ollama", "", None, provider.OLLAMA_MODELS),
    ],
)
async def test_each_tells_its_models_and_answers_word_by_word(
    port: int, kind: str, path: str, key: str | None, models: tuple[str, ...]
) -> None:
    asked = endpoint(port, kind, path, key)
    assert {model.id for model in await list_models(asked)} == set(models)
    pieces = [piece async for piece in answer(asked, Prompt(text="Hello?", model=models[0], max_tokens=5))]
    ending = pieces[-1]
    assert isinstance(ending, Ending)
    assert ending.usage.output_tokens == 5
    assert len([piece for piece in pieces if isinstance(piece, str) and piece]) == 5


async def test_another_key_is_refused(port: int) -> None:
    asked = endpoint(port, "openai-compatible", provider.HOSTED_PATH, provider.HOSTED_KEY)
    with pytest.raises(AuthFailed):
        await list_models(replace(asked, secret="sk-worn-out"))


async def test_its_embeddings_lie_the_nearer_the_more_words_they_share(port: int) -> None:
    asked = endpoint(port, "openai-compatible", provider.HOSTED_PATH, provider.HOSTED_KEY)
    found = await embed(asked, ["a dog barks", "the dog barks", "nothing else"], "embed-2")
    first, near, far = found.vectors
    assert sum(a * b for a, b in zip(first, near, strict=True)) > sum(a * b for a, b in zip(first, far, strict=True))
    assert (found.model, bool(found.usage.input_tokens)) == ("embed-2", True)
