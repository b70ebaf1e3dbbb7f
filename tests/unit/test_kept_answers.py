"""What was seen of the hub, on disk: whole or not at all, by question and asker, and never more than there may be."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.hub import kept
from aicompute_tui.hub.kept import KeptAnswer, KeptAnswers

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def answer(body: bytes = b'{"a": "\xc3\xbc"}\n') -> KeptAnswer:
    return KeptAnswer(status=200, headers={"etag": '"x"'}, body=body, read_at=NOW)


def test_it_comes_back_as_it_was_for_who_asked(tmp_path: Path) -> None:
    answers = KeptAnswers(tmp_path)
    answers.put("q", "ada", answer())
    assert answers.get("q", "ada") == answer()
    assert answers.get("q", "bob") is None
    later = answers.confirm("q", "ada", answer(), NOW + timedelta(hours=1))
    assert KeptAnswers(tmp_path).get("q", "ada") == later


@pytest.mark.parametrize("cut", [0, 5, -1])
def test_a_file_that_is_not_whole_is_as_if_it_were_not_there(tmp_path: Path, cut: int) -> None:
    answers = KeptAnswers(tmp_path)
    answers.put("q", "", answer())
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:cut])
    assert answers.get("q", "") is None


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answers = KeptAnswers(tmp_path / "file" / "folder")
    answers.put("q", "", answer())
    assert answers.get("q", "") is None


@pytest.mark.parametrize(("limit", "most"), [("MOST_FILES", 60), ("MOST_BYTES", 60 * 1000)])
def test_the_oldest_go_where_there_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(kept, limit, most)
    answers = KeptAnswers(tmp_path)
    for number in range(101):
        answers.put(f"q{number}", "", answer(bytes(700)))
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, ns=(number * 10**9, number * 10**9))
    there = [number for number in range(101) if answers.get(f"q{number}", "") is not None]
    assert there[-1] == 100
    assert there == list(range(101 - len(there), 101))
    assert 40 <= len(there) <= 75
