"""How long to wait, read from every form in which servers say so."""

from __future__ import annotations

import pytest

from aicompute_tui.http.waits import wait_of

DATE = {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7.5 "}, 7.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT", **DATE}, 30),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT", **DATE}, 0),
        ({"retry-after": "Friday, 20-Nov-26 12:00:30 GMT", **DATE}, 30),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "999999999"}, 86_400),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "7s"}, 7),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": "120, 60"}, 120),
        ({"retry-after": "60,2m"}, 120),
        ({"retry-after": "soon, 60"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_a_wait_that_is_asked_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_of(headers) == seconds


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("12ms", 0.012),
        ("1s", 1),
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("1h2m3s", 3_723),
        ("30", 30),
        ("2026-11-20T12:00:45Z", 45),
        ("1795176015", 15),
        ("1795176015000", 15),  # That OpenRouter counts milliseconds since 1970 is UNVERIFIED.
        ("-1", None),
        ("1e300", None),
        ("later", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
        ("", None),
    ],
)
@pytest.mark.parametrize(
    ("left", "name"),
    [
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ],
)
def test_without_one_it_is_as_long_as_what_is_used_up(left: str, name: str, reset: str, seconds: float | None) -> None:
    assert wait_of({left: "0", name: reset, **DATE}) == (None if seconds is None else pytest.approx(seconds))
    assert wait_of({left: "12", name: reset, **DATE}) is None, "of that there is some left"


def test_of_several_that_are_used_up_the_longest_counts_and_what_is_asked_for_comes_first() -> None:
    used = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2s",
    }
    assert wait_of(used) == 60
    assert wait_of(used, body_seconds=37.0) == 37
    assert wait_of({**used, "retry-after": "3"}, body_seconds=37.0) == 3
