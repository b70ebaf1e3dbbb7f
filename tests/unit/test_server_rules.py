"""Rules of model servers: rates, shares, addresses, Modelfiles, and history that grows coarser without gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.health import HealthState
from aicompute_tui.domain.server import (
    ModelState,
    ServerCounters,
    ServerFigures,
    ServerModel,
    check_server_url,
    name_from,
    server_state,
    with_rates,
)
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.servers.modelfile import creation

COUNTS = st.none() | st.floats(0, 1e15)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.floats(0.001, 1e6))
def test_rates_are_never_below_nothing(
    tokens: float | None,
    tokens_before: float | None,
    began: float | None,
    began_before: float | None,
    waited: float | None,
    waited_before: float | None,
    seconds: float,
) -> None:
    now = ServerCounters(tokens=tokens, first_tokens=began, first_token_seconds=waited)
    before = ServerCounters(tokens=tokens_before, first_tokens=began_before, first_token_seconds=waited_before)
    for figure in with_rates(ServerFigures(), now, before, seconds):
        assert figure is None or figure >= 0
    rate, _ = with_rates(ServerFigures(), now, before, seconds)
    pairs = ((tokens, tokens_before), (began, began_before), (waited, waited_before))
    has_restarted = any(new is not None and old is not None and new < old for new, old in pairs)
    assert (rate is None) == (tokens is None or tokens_before is None or has_restarted)


def test_no_wait_is_told_after_a_restart_that_one_counter_alone_shows() -> None:
    before = ServerCounters(tokens=90_000, first_tokens=2, first_token_seconds=1.0)
    now = ServerCounters(tokens=500, first_tokens=5, first_token_seconds=2.0)
    assert with_rates(ServerFigures(), now, before, 30) == (None, None)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), min_size=2, max_size=20))
def test_what_a_server_wrote_between_restarts_is_what_the_rates_add_up_to(grown: list[tuple[float, bool]]) -> None:
    counter, rates, written = 0.0, [], 0.0
    for amount, restarted in grown:
        before = counter
        counter = 0.0 if restarted else counter + amount
        rate, _ = with_rates(ServerFigures(), ServerCounters(tokens=counter), ServerCounters(tokens=before), 1.0)
        rates.append(rate or 0.0)
        written += counter - before if counter >= before else 0.0
    assert sum(rates) == pytest.approx(written)


def test_a_rate_that_the_server_tells_counts() -> None:
    told = ServerFigures(tokens_per_second=7.0, first_token_seconds=0.2)
    assert with_rates(told, ServerCounters(tokens=9), ServerCounters(tokens=1), 1) == (7.0, 0.2)


def test_a_model_that_overlaps_its_memory_lies_there_whole() -> None:
    model = ServerModel(id="m", state=ModelState.LOADED, size_bytes=10, memory_bytes=11)
    assert model.memory_share == 1
    assert ServerModel(id="m", state=ModelState.LOADED, memory_bytes=11).memory_share is None


def test_states_are_told_in_four_words() -> None:
    words = [server_state(state) for state in (None, *HealthState)]
    assert words == ["unknown", "unknown", "online", "degraded", "offline"]


@pytest.mark.parametrize(
    ("given_url", "kind", "kept"),
    [
        ("gpu1:8000", None, "http://gpu1:8000"),
        ("http://gpu1:8000/v1/models", None, "http://gpu1:8000"),
        ("http://gpu1:8000//v1/", ServerKind.VLLM, "http://gpu1:8000"),
        ("http://gpu1:11434/api/tags", ServerKind.OLLAMA, "http://gpu1:11434"),
        ("llm.example.org/proxy", None, "https://llm.example.org/proxy"),
        ("[fd00::5]:8000", None, "http://[fd00::5]:8000"),
        ("http://gpu1/health", ServerKind.HTTP, "http://gpu1/health"),
        ("http://gpu1", ServerKind.HTTP, "http://gpu1/"),
        ("http://gpu1:8000/v1/models", ServerKind.HTTP, "http://gpu1:8000/v1/models"),
        ("https://shop.example/ready/", ServerKind.HTTP, "https://shop.example/ready/"),
    ],
)
def test_an_address_is_kept_as_it_was_meant(given_url: str, kind: ServerKind | None, kept: str) -> None:
    assert check_server_url(given_url, kind) == kept


def test_a_server_that_nobody_named_is_called_by_its_host_and_port() -> None:
    assert [name_from(url) for url in ("http://gpu1:8000", "https://llm.example")] == ["gpu1:8000", "llm.example"]


MODELFILE = '''# mine
FROM llama3.2:3b
parameter temperature 0.7
PARAMETER num_ctx 4096
PARAMETER stop "<|end|>"
PARAMETER stop User:
SYSTEM """
You are Mario.
Answer in one line.
"""
TEMPLATE {{ .Prompt }}
MESSAGE user Who are you?
MESSAGE assistant "It's me"
'''


def test_a_modelfile_becomes_what_the_interface_takes() -> None:
    assert creation(MODELFILE) == {
        "from": "llama3.2:3b",
        "system": "You are Mario.\nAnswer in one line.",
        "template": "{{ .Prompt }}",
        "parameters": {"temperature": 0.7, "num_ctx": 4096, "stop": ["<|end|>", "User:"]},
        "messages": [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "It's me"}],
    }


@pytest.mark.parametrize(
    "text", ["", "SYSTEM hello", "FROM ./model.gguf", "FROM x\nADAPTER ./a", "FROM x\nnonsense", 'FROM x\nSYSTEM """a']
)
def test_a_modelfile_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        creation(text)


def test_parameters_keep_what_they_are() -> None:
    """A stop is a text whatever it looks like, and JSON has no endless number."""
    text = 'FROM x\nPARAMETER stop "3."\nPARAMETER stop inf\nPARAMETER\tnum_ctx\t4096\nPARAMETER seed inf\n'
    assert creation(text)["parameters"] == {"stop": ["3.", "inf"], "num_ctx": 4_096, "seed": "inf"}


@given(st.text(max_size=200))
def test_whatever_is_in_a_modelfile_it_is_read_or_refused(text: str) -> None:
    try:
        found = creation(f"FROM x\n{text}")
    except InvalidInput:
        return
    assert found["from"]


def test_every_licence_of_a_modelfile_is_kept() -> None:
    assert creation("FROM x\nLICENSE MIT")["license"] == "MIT"
    assert creation('FROM x\nLICENSE MIT\nLICENSE """\nof the\nmodel\n"""')["license"] == ["MIT", "of the\nmodel"]
