"""One line of `doctor`: a check with its verdict, its reason and what to do about it."""

from __future__ import annotations

from aicompute_tui.domain.json import JsonObject

OK, WARNING, FAILED, UNKNOWN = "ok", "warning", "failed", "unknown"


def finding(check: str, verdict: str, reason: str, next_step: str = "") -> JsonObject:
    return {"check": check, "verdict": verdict, "reason": reason, "next_step": next_step}
