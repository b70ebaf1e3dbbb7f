"""What is a secret by its name, in the environment of a container, in a command line, and in a job's parameters."""

from __future__ import annotations

import time

import pytest

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.redaction import holds_secret, names_secret, redact_command, secret_among
from aicompute_tui.hosts.docker.reading import inspected_container, listed_container
from aicompute_tui.services.connection_arguments import described
from aicompute_tui.services.container_words import environment, own_words
from aicompute_tui.services.containers import masked
from aicompute_tui.services.jobs import encode_arguments
from aicompute_tui.services.recreate import changes_of
from tests.moved_clock import MovedClock

SECRET_NAMES = [
    "DB_PASSWORD", "PGPASS", "PGPASSWORD", "MYSQL_PWD", "REDIS_PASS", "SMTP_PASS_2", "LITELLM_MASTER_KEY",
    "SIGNING_KEY", "APIKEY", "OPENAI_API_KEYS", "NEO4J_AUTH", "AWS_ACCESS_KEY_ID", "HF_TOKEN", "AUTH_TOKENS",
    "clientSecret", "X-Api-Key", "X-Auth-Token", "Authorization", "Ocp-Apim-Subscription-Key", "api-key",
    "requirepass", "GOOGLE_CREDENTIALS", "KEY",
]  # fmt: skip
PLAIN_NAMES = [
    "TOKENIZERS_PARALLELISM", "MAX_TOKENS", "VLLM_MAX_NUM_BATCHED_TOKENS", "POSTGRES_PASSWORD_FILE", "SSH_AUTH_SOCK",
    "PWD", "OLDPWD", "SSH_PUBLIC_KEY", "BYPASS", "AUTHOR", "POSTGRES_HOST_AUTH_METHOD", "MONKEY", "KEYBOARD",
    "X-Title", "HF_HOME", "tokenizer", "max-tokens", "HF_TOKEN_PATH", "PASSTHROUGH",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_tells_of_a_secret(name: str) -> None:
    assert names_secret(name)
    assert masked(name, "hunter2") == "…"


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_name_tells_of_none(name: str) -> None:
    assert not names_secret(name)
    assert masked(name, "plain") == "plain"


def test_a_switch_is_no_secret_and_an_address_with_a_password_is_one() -> None:
    assert not holds_secret("ALLOW_EMPTY_PASSWORD", "yes")
    assert holds_secret("DATABASE_URL", "postgres://me:hunter2@db/app")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("vllm serve m --api-key hunter2 --port 80", "vllm serve m --api-key … --port 80"),
        ("serve --token 'hunter2 two' m", "serve --token … m"),
        ("serve --password=hunter2", "serve --password=…"),
        ("serve '--password=hunter2 hunter2' x", "serve '--password=…' x"),
        ("env -i PGPASS=hunter2 DEBUG=1 psql", "env -i PGPASS=… DEBUG=1 psql"),
        ("sh -c 'exec serve --api-key hunter2'", "sh -c 'exec serve --api-key …'"),
        ("docker run --env DB_PASSWORD=hunter2 x", "docker run --env DB_PASSWORD=… x"),
        ("redis-server --requirepass hunter2", "redis-server --requirepass …"),
        ("serve --tokenizer o/m --max-tokens 9 --auth -p 80", "serve --tokenizer o/m --max-tokens 9 --auth -p 80"),
    ],
)  # fmt: skip
def test_a_command_line_is_shown_without_its_secrets(line: str, shown: str) -> None:
    assert redact_command(line) == shown


def test_a_command_line_made_to_go_deep_is_read_to_its_end() -> None:
    assert redact_command("A=" * 5_000).startswith("A=A=")


@pytest.mark.parametrize("word", ["a-", "token", "--a "])
def test_a_long_command_line_holds_nobody_up(word: str) -> None:
    text = word * 9_000
    began = time.process_time()
    assert redact_command(text) == text
    assert time.process_time() - began < 1


def test_a_container_is_read_without_the_secrets_of_its_command() -> None:
    assert "hunter2" not in listed_container({"Command": "serve --api-key hunter2"}, "box").command
    whole = inspected_container({"Path": "serve", "Args": ["--password=hunter2 two", "-p", "80"]}, "box")
    assert whole.command == "serve '--password=…' -p 80"


@pytest.mark.parametrize("word", ["DB_PASSWORD=hunter2", "LITELLM_MASTER_KEY=abc", "A=redis://:hunter2@db"])
def test_a_secret_in_the_environment_is_refused_before_any_job_is_written(word: str) -> None:
    for read in (encode_arguments, environment, changes_of):
        with pytest.raises(InvalidInput, match="looks like a secret") as caught:
            read({"env": [word]})
        assert "vault" in caught.value.next_step
        assert "hunter2" not in str(caught.value)
    assert "TOKENIZERS_PARALLELISM" in encode_arguments({"env": ["TOKENIZERS_PARALLELISM=false"]})


def test_a_header_named_as_a_secret_is_refused_and_can_be_taken_away() -> None:
    clock = MovedClock()
    connection = Connection(
        id="1", owner="me", created_by="me", name="box", kind="vllm", base_url="http://box", created_at=clock.now()
    )
    for read in (encode_arguments, lambda arguments: described(arguments, connection)):
        with pytest.raises(InvalidInput) as caught:
            read({"header": ["X-Auth-Token=hunter2"]})
        assert "stdin" in caught.value.next_step
    kept = described({"header": ["X-Title=console", "X-Auth-Token="]}, connection)
    assert kept.options.headers == (("X-Title", "console"),)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--api-key", "hunter2"], "--api-key"),
        (["serve", "--port", "80", "--api-key=hunter2"], "--api-key"),
        (["sh", "-c", "serve --token hunter2 --port 80"], "--token"),
        (["sh", "-c", "API_KEY=hunter2 exec serve"], "API_KEY"),
        (["sh", "-c", "echo it's; serve --password 'hunter2'"], "--password"),
        (["--url", "redis://:hunter2@db"], "--url"),
        (["hf_" + "a" * 30], "A word"),
    ],
)
def test_a_secret_among_the_words_of_a_container_is_refused_and_named(words: list[str], name: str) -> None:
    assert secret_among(words) == name
    for read in (encode_arguments, changes_of, own_words):
        with pytest.raises(InvalidInput, match="secret") as caught:
            read({"command": words})
        assert "--volume" in caught.value.next_step
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--max-tokens", "100"],
        ["--tokenizer", "Qwen/Qwen2.5"],
        ["--api-key-file", "/keys/api"],
        ["--ssl-key", "/etc/ssl/own.key"],
        ["sh", "-c", 'serve --api-key "$API_KEY"'],
        ["--enable-auth", "--port", "80"],
        ["--auth", "none"],
    ],
)
def test_words_that_hold_no_secret_are_taken(words: list[str]) -> None:
    assert own_words({"command": words}) == tuple(words)
