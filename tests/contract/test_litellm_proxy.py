"""Connections to a real LiteLLM proxy whose models are mocked: answers, errors, and its own way to refuse a key."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.contract.cli_world import Answer, Cli
from tests.contract.model_servers import KEY, RunningServer, litellm_proxy

pytestmark = pytest.mark.timeout(1800)  # the first use on a machine builds the server

SAID = "Grüße an alle, \u4f60\u597d and good-bye."
MODELS = {
    "talker": SAID,
    "org/slashed:7b": "Slashes are fine.",
    "busy": "litellm.RateLimitError",
    "broken": "litellm.InternalServerError",
    "small": "litellm.ContextWindowExceededError",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with litellm_proxy(tmp_path_factory.mktemp("litellm"), MODELS) as made:
        yield made


@pytest.fixture
def cli(cli: Cli, proxy: RunningServer) -> Cli:
    """With a connection to it."""
    cli.json(
        "connection", "add", "box", "--preset", "litellm", "--url", proxy.url, "--model", "talker", "--stdin",
        stdin=KEY,
    )  # fmt: skip
    return cli


def ask(cli: Cli, model: str) -> Answer:
    answer = cli("connection", "ask", "box", "Who is there?", "--model", model, "-o", "json")
    assert KEY not in answer.out + answer.err
    return answer


def test_its_models_are_listed_and_the_test_passes(cli: Cli) -> None:
    assert {row["id"] for row in cli.json("connection", "models", "box")} == MODELS.keys()
    tested = cli.json("connection", "test", "box")
    assert (tested["ok"], tested["models"]) == (True, len(MODELS))


@pytest.mark.parametrize("model", ["talker", "org/slashed:7b"])
def test_an_answer_comes_byte_by_byte_as_it_was_sent(cli: Cli, proxy: RunningServer, model: str) -> None:
    *pieces, ending = map(json.loads, ask(cli, model).out.splitlines())
    assert "".join(piece["text"] for piece in pieces) == MODELS[model]
    assert len(pieces) > 1
    asked = {"model": model, "messages": [{"role": "user", "content": "Who is there?"}]}
    whole = proxy.post("/v1/chat/completions", asked)
    assert ending["finish_reason"] == whole["choices"][0]["finish_reason"] == "stop"
    assert ending["input_tokens"] > 0
    assert ending["output_tokens"] > 0


@pytest.mark.parametrize(
    ("model", "kind"),
    [("busy", "RateLimited"), ("broken", "BadAnswer"), ("small", "InvalidInput"), ("nobody", "NotFound")],
)
def test_each_of_its_errors_is_told_apart(cli: Cli, model: str, kind: str) -> None:
    answer = ask(cli, model)
    assert answer.code != 0
    assert answer.error["error"] == kind, answer.err
    assert answer.error["next_step"]


def test_a_key_it_does_not_know_is_refused_though_it_has_no_database(cli: Cli) -> None:
    """Without one it says 400 and speaks of its database."""
    cli.json("connection", "edit", "box", "--stdin", stdin="sk-anotherANOTHERanother99997777")
    tested = cli.json("connection", "test", "box", code=1)
    assert (tested["ok"], tested["error_kind"]) == (False, "AuthFailed")


def test_it_is_found_as_a_server_with_its_models(cli: Cli, proxy: RunningServer) -> None:
    made = cli.json("server", "add", "box", proxy.url, "--stdin", stdin=KEY)
    assert (made["found"], made["state"], made["problem"]) == ("litellm", "online", None)
    assert {model["id"] for model in cli.json("server", "models", "box")} == MODELS.keys()
