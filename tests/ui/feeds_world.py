"""Price feeds for the tests of the console: good ones, one that is frozen, one out of reach, one never asked."""

from __future__ import annotations

from typing import Any

from aicompute_tui.domain.json import Json

HOUR = 3_600


def feed(name: str, title: str, state: str | None = "new", **told: Any) -> Json:
    row: dict[str, Json] = {
        "feed": name, "title": title, "state": state, "offers": 353, "as_of": None, "read_at": "2026-11-20T13:00:00Z",
        "age_seconds": HOUR, "checked_at": "2026-11-20T13:58:00Z", "left_out": None, "problem": None, "next_step": None,
        "url": f"https://feeds.example/{name}",
    }  # fmt: skip
    return {**row, **told}


def feeds() -> list[Json]:
    last_good = "The last good prices stay; ask again later."
    return [
        feed("snapshot", "The lists that ship with aic-tui", "unchanged", offers=809, url=None, checked_at=None,
             age_seconds=38 * HOUR),
        feed("skypilot-aws", "SkyPilot's catalogue of AWS", left_out="prices of nothing: 1"),
        feed("aws-advisor", "AWS's spot advisor", "failed", age_seconds=90 * HOUR, as_of="2026-11-16T20:00:00Z",
             problem="feeds.example did not answer within 60 s.", next_step="Is it overloaded?"),
        feed("aws-spot", "AWS's public spot prices", "refused", age_seconds=9 * HOUR, as_of="2026-11-20T05:00:00Z",
             problem="AWS's public spot prices is frozen: its prices are 9 hours old.", next_step=last_good),
        feed("aws", "AWS by your own account", None, offers=None, read_at=None, age_seconds=None, checked_at=None,
             url=None),
    ]  # fmt: skip
