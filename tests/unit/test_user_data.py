"""What is sent to a machine at its launch: small, the same each time, and harmless as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.services import user_data
from aicompute_tui.services.user_data import LIMIT_BYTES, render_user_data

END = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def test_same_order_same_bytes_whatever_the_time_zone() -> None:
    first = render_user_data(expires_at=END, max_expires_at=END, launch_id="0193-aa")
    elsewhere = END.astimezone(timezone(timedelta(hours=-5)))
    assert render_user_data(expires_at=elsewhere, max_expires_at=elsewhere, launch_id="0193-aa") == first


def test_is_a_bash_script_with_the_end_that_fits_and_has_nothing_left_to_fill_in() -> None:
    text = render_user_data(expires_at=END, max_expires_at=END + timedelta(hours=16), launch_id="0193-aa")
    assert text.startswith("#!/bin/bash\n")
    assert f"end='{int(END.timestamp())}'" in text
    assert f"max_end='{int(END.timestamp()) + 57_600}'" in text
    assert len(text.encode()) <= LIMIT_BYTES
    assert not re.search("@[A-Z_]+@", text)


def test_no_end_is_said_in_a_word() -> None:
    text = render_user_data(expires_at=None, max_expires_at=None, launch_id="0193-aa")
    assert "\nend='none'\nmax_end='none'\n" in text


@pytest.mark.parametrize("launch_id", ["", "a b", "a'; rm -rf /", "-x", "ü", "a\n"])
def test_launch_id_that_could_be_read_as_shell_is_refused(launch_id: str) -> None:
    with pytest.raises(InvalidInput):
        render_user_data(expires_at=END, max_expires_at=END, launch_id=launch_id)


def test_end_without_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInput):
        render_user_data(expires_at=END.replace(tzinfo=None), max_expires_at=None, launch_id="a")


def test_script_too_big_for_the_cloud_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data, "LIMIT_BYTES", 1_000)
    with pytest.raises(InvalidInput, match="1000"):
        render_user_data(expires_at=END, max_expires_at=END, launch_id="a")
