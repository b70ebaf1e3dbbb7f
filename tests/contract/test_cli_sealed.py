"""A secret given to the command line: it and the job that takes it up are written together, or neither is."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.store.configuration import Secrets
from tests.contract.cli_world import cli_for


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("credential", "set", "hub", "--cloud", "huggingface", "--stdin"), "hf_" + "a" * 30),
        (("credential", "set", "team", "--stdin"), f"AKIAIOSFODNN7EXAMPLE\n{'x' * 40}\n"),
        (("registry", "login", "registry.example", "--user", "ana", "--stdin"), "a-password"),
        (("host", "add", "port", "https://127.0.0.1:9", "--kind", "portainer", "--stdin"), "ptr_token"),
    ],
)
def test_no_job_is_written_without_its_secret(
    words: tuple[str, ...],
    typed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def cannot(*_: object, **__: object) -> None:
        raise Unreachable("The database cannot be written to.", "Try again.")

    with cli_for(tmp_path, {}, monkeypatch, capsys) as cli, monkeypatch.context() as broken:
        broken.setattr(Secrets, "put", cannot)
        assert cli(*words, stdin=typed).code == 5
        assert cli.json("job", "list") == []
