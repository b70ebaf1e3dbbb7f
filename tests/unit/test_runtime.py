"""The composition root: who and where we are, what a child is given, and what never reaches the log."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput, NotConfigured
from aicompute_tui.domain.redaction import redact
from aicompute_tui.runtime import Runtime, build
from aicompute_tui.runtime.children import child_environment, withheld
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.runtime.env_file import read_env_file
from aicompute_tui.settings.places import places_from
from tests.entry import FileClock

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def runtime_in(folder: Path, **more: str) -> Runtime:
    return build({"HOME": str(folder), "AIC_TUI_HOME": str(folder), **more})


@pytest.fixture
def _own_logging() -> Iterator[None]:
    """Puts the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for name in ("aicompute_tui", "botocore.auth"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.raiseExceptions = True


def test_nothing_is_made_by_building(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path / "new")
    assert runtime.owner
    assert not (tmp_path / "new").exists()


def test_the_host_keeps_its_id_in_a_home_and_has_another_in_another(tmp_path: Path) -> None:
    first = runtime_in(tmp_path / "one").host_id
    assert runtime_in(tmp_path / "one").host_id == first
    assert runtime_in(tmp_path / "two").host_id != first


def test_a_home_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotConfigured, match="cannot be"):
        runtime_in(tmp_path / "file" / "x").ensure_places()


def test_the_actor_is_a_person_and_the_agent_is_not(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path)
    assert runtime.actor.name == f"{runtime.owner}@{runtime.host_name}"
    assert runtime.agent_actor.name == f"agent@{runtime.host_name}"
    assert runtime.agent_actor.owner == runtime.actor.owner


def test_the_system_clock_knows_its_zone() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_child_is_given_named_variables_only_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "AIC_TUI_HOME": "relative",
        "AWS_PROFILE": "work",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token",
        "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1",
        "https_proxy": "http://proxy:3128",
        "EDITOR": "vi",
        "LD_PRELOAD": "/tmp/x.so",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "t",
        "AIC_TUI_VAULT_KEY": "k",
        "AIC_TUI_VAULT_PASSPHRASE": "p",
        "OPENAI_API_KEY": "sk-x",
        "ALL_PROXY": "http://me:hunter2@proxy",
    }
    assert child_environment(environment) == {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "AIC_TUI_HOME": str(tmp_path / "relative"),
        "AWS_PROFILE": "work",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token",
        "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1",
        "https_proxy": "http://proxy:3128",
    }
    assert withheld(environment) == ["AIC_TUI_VAULT_KEY", "AIC_TUI_VAULT_PASSPHRASE", "ALL_PROXY"]


@pytest.mark.parametrize(
    "text",
    [
        "key AKIAIOSFODNN7EXAMPLE used",
        f"aws_secret_access_key = {SECRET}",
        f'{{"SecretAccessKey": "{SECRET}"}}',
        f"a bare {SECRET} in a line",
        "password=hunter2hunter2",
        "Authorization: Bearer abcdefgh12345678",
        "https://me:hunter2@proxy/path",
        "token: 'hunter2hunter2'",
        "sk-proj-abcdefghijklmnop1234",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    cleaned = redact(text)
    assert "hunter2" not in cleaned
    for value in ("AKIAIOSFODNN7EXAMPLE", SECRET, "abcdefgh12345678", "sk-proj"):
        assert value not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "instance i-0123456789abcdef0 in ca-central-1a is ready",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "job 01a1fb84-0dd6-7f11-8a55-b2f8ee13da9d failed: No capacity.",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.usefixtures("_own_logging")
def test_the_log_is_private_and_holds_no_secret_even_at_debug(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path, MY_SERVICE_TOKEN="unlikely-looking secret", AWS_SECRET_ACCESS_KEY=SECRET)
    path = runtime.start_log("cli", debug=True)
    assert path is not None
    log = logging.getLogger("aicompute_tui.test")
    log.debug("said %s", "unlikely-looking secret")
    try:
        raise ValueError(f"with {SECRET}")
    except ValueError:
        log.exception("it failed")
    botocore = logging.getLogger("botocore.auth")
    botocore.setLevel(logging.DEBUG)
    botocore.debug("CanonicalRequest of a signed call")
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT of a row")
    text = path.read_text()
    assert "said …" in text
    assert "ValueError: with …" in text
    assert "unlikely-looking" not in text
    assert SECRET not in text
    assert "CanonicalRequest" not in text
    assert "INSERT" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_env_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        '# comment\n\nexport AWS_REGION=eu-west-1 # x\nA=\'single $HOME\'\nB="double \\"q\\" \\$x"\nC=a=b#c\nEMPTY=\n'
    )
    assert read_env_file(path) == {
        "AWS_REGION": "eu-west-1",
        "A": "single $HOME",
        "B": 'double "q" $x',
        "C": "a=b#c",
        "EMPTY": "",
    }


@pytest.mark.parametrize("line", ["no equals", "1BAD=x", 'A="open', f"{SECRET}"])
def test_a_bad_line_is_named_by_its_number_and_not_repeated(tmp_path: Path, line: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"GOOD=1\n{line}\n")
    with pytest.raises(InvalidInput, match="line 2") as caught:
        read_env_file(path)
    assert SECRET not in str(caught.value)


def test_an_env_file_stands_above_the_environment(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("AIC_TUI_REGION=eu-west-1\n")
    runtime = build(
        {"HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path), "AIC_TUI_REGION": "us-east-1"}, env_file=path
    )
    assert runtime.preferences_source.text("region") == "eu-west-1"
    with pytest.raises(NotConfigured, match="cannot be read"):
        build({}, env_file=tmp_path / "absent")


@pytest.mark.asyncio
async def test_settings_of_the_database_stand_below_file_and_environment(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path, AIC_TUI_MARKET="on-demand")
    runtime.ensure_places()
    runtime.places.config_file.write_text('region = "eu-west-1"\n')
    store = await runtime.open_store()
    async with store.write() as transaction:
        for key, value in (("market", "spot"), ("region", "us-east-1"), ("ttl", "2h")):
            await transaction.settings.set(key, value, "me")
    preferences = (await runtime.context()).preferences
    told = {key: (preferences.text(key), preferences.source(key)) for key in ("market", "region", "ttl", "idle")}
    assert told == {
        "market": ("on-demand", "environment"),
        "region": ("eu-west-1", "file"),
        "ttl": ("2h", "database"),
        "idle": ("30m", "built-in"),
    }
    await runtime.aclose()
    await runtime.aclose()


@pytest.mark.asyncio
async def test_a_file_clock_wakes_its_sleepers_when_the_file_says_so(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    before = clock.now()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.move(3600)
    await asyncio.wait_for(sleeper, 5)
    assert clock.now() - before >= timedelta(hours=1)


def test_our_folders_are_ours_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        runtime = runtime_in(tmp_path / "home")
        runtime.ensure_places()
    finally:
        os.umask(previous)
    places = runtime.places
    for folder in (places.config, places.data, places.run, places.logs, places.socket_folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_socket_has_a_path_that_can_be_bound_however_long_the_others_are(tmp_path: Path) -> None:
    home, temporary = tmp_path / ("h" * 100), tmp_path / ("t" * 100)
    places = places_from({"AIC_TUI_HOME": str(home), "TMPDIR": str(temporary)})
    assert len(os.fsencode(places.agent_socket)) <= 100
    others = places_from({"AIC_TUI_HOME": str(home / "other"), "TMPDIR": str(temporary)})
    assert others.agent_socket != places.agent_socket
