"""A real MLflow server, which answers no prompts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.cli_world import Cli
from tests.contract.model_servers import RunningServer, mlflow_server

pytestmark = pytest.mark.timeout(1800)  # the first use on a machine builds the server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as made:
        yield made


@pytest.mark.parametrize("words", [("models", "box"), ("ask", "box", "Who?", "--model", "any")], ids=["models", "ask"])
def test_taken_for_what_answers_prompts_it_is_told_to_be_none(
    cli: Cli, server: RunningServer, words: tuple[str, ...]
) -> None:
    cli.json("connection", "add", "box", "--preset", "openai-compatible", "--url", server.url)
    answer = cli("connection", *words, "-o", "json")
    assert (answer.code, answer.error["error"]) == (3, "NotFound")


def test_it_is_found_as_a_server_with_its_version(cli: Cli, server: RunningServer) -> None:
    made = cli.json("server", "add", "box", server.url)
    assert (made["found"], made["state"], made["problem"]) == ("mlflow", "online", None)
    assert made["server_version"] == server.get("/version").strip()
