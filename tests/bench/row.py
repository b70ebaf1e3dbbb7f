"""One row of the budgets: what it allows, what was measured, and whether that is met."""

from __future__ import annotations

from typing import Any, TypedDict


class Row(TypedDict):
    budget: str
    met: bool
    figures: dict[str, Any]
