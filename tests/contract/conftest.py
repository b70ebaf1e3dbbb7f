"""What most contract tests begin with: a command line without any cloud, and a provider on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, cli_for
from tests.contract.llm_servers import LlmServer, llm_server


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    with cli_for(tmp_path, {}, monkeypatch, capsys) as made:
        yield made


@pytest.fixture
def server() -> Iterator[LlmServer]:
    """It answers nothing yet."""
    with llm_server() as made:
        yield made
