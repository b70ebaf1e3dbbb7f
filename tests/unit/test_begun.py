"""Places in a span of time, taken by many at once: never more than there are, and free again when they are old."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.store.begun import begin_within

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@given(moments=st.lists(st.floats(0, 200), max_size=40).map(sorted), most=st.integers(1, 6))
def test_no_minute_ever_has_more_than_it_may_and_none_is_refused_that_may_begin(
    moments: list[float], most: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rates" / "box"
        begun: list[datetime] = []
        for seconds in moments:
            now = NOW + timedelta(seconds=seconds)
            recent = [at for at in begun if at > now - MINUTE]
            wait = asyncio.run(begin_within(path, now, MINUTE, most))
            assert (wait is None) == (len(recent) < most)
            if wait is None:
                begun.append(now)
            else:
                assert len([at for at in begun if at > now + timedelta(seconds=wait) - MINUTE]) < most


def test_of_many_at_once_as_many_begin_as_there_are_places(tmp_path: Path) -> None:
    path = tmp_path / "rates" / "box"

    def begin(_: int) -> float | None:
        return asyncio.run(begin_within(path, NOW, MINUTE, 5))

    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(begin, range(12)))
    assert waits.count(None) == 5
    assert set(waits) == {None, 60.0}
    assert (path.stat().st_mode & 0o777, len(path.read_text().splitlines())) == (0o600, 5)
