"""The question before anything that costs money or destroys something, and the refusal where nobody can be asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aicompute_tui.actions.model import Action
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.interrupts import asking
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json, JsonObject


def refuse_unasked(action: Action) -> Refused:
    return Refused(
        f"`aic-tui {' '.join(action.command)}` wants a yes, and nobody can be asked here.",
        "Add --yes if that is meant.",
    )


def why_typed(action: Action, row: JsonObject) -> str:
    """Why the machine's name must be typed out, empty where a yes will do."""
    if action.id == "instance.forget-key":
        return f"Whoever answers in the place of {row.get('name')} would be trusted next"
    if action.id == "instance.acknowledge":
        from aicompute_tui.actions.damage import may_still_run

        if not may_still_run(row):
            return ""
        return f"Nobody may be able to say whether {row.get('name')} still runs, and it may go on costing money"
    return f"{row.get('name')} is protected" if row.get("protected") else ""


def ask_damage(action: Action, rows: Sequence[JsonObject]) -> None:
    """Says what each target has cost and what is lost. Raises Refused unless the answer is yes."""
    from aicompute_tui.actions.damage import damage_of

    damage = damage_of(action, rows)
    ask(damage.question, [f"  {line}" for line in damage.lines])


def plan_lines(plan: JsonObject) -> list[str]:
    """A launch's checks, cost and end, from the answer of its preflight."""
    checks = plan.get("checks")
    lines = []
    for check in checks if isinstance(checks, list) else []:
        if isinstance(check, dict):
            mark = {"ok": "ok     ", "warning": "WARNING", "unknown": "unknown", "refused": "REFUSED"}
            word = mark.get(str(check.get("verdict")), str(check.get("verdict")))
            lines.append(f"{word}  {check.get('name')}: {check.get('reason')}")
    lines.append(
        f"Cost: {_dollars(plan.get('price_usd_per_hour'))} an hour each, "
        f"{_dollars(plan.get('cost_ttl_usd'))} until the end, {_dollars(plan.get('cost_month_usd'))} a month"
    )
    ends = plan.get("ends")
    lines += [str(sentence) for sentence in ends] if isinstance(ends, list) else []
    return [clean(line) for line in lines]


def ask(question: str, lines: Sequence[str]) -> None:
    """Raises Refused unless the answer is yes."""
    for line in lines:
        say(clean(line))
    if _answer(f"{clean(question)} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused("Nothing was done.", "")


def ask_typed(question: str, expected: str) -> str:
    """Raises Refused unless `expected` is typed out."""
    if _answer(f"{question} ").strip() != expected:
        raise Refused("That is not it; nothing was done.", "")
    return expected


def ask_secret(question: str) -> str:
    """What is typed does not appear on screen."""
    import getpass

    with asking():
        try:
            return getpass.getpass(f"{question}: ", stream=sys.stderr).strip()
        except EOFError:
            say("")
            raise Refused("No answer came; nothing was done.", "") from None


def _answer(question: str) -> str:
    with asking():
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline()
    if not line:
        say("")
    return line


def _dollars(value: Json) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"${value:,.4f}" if value < 1 else f"${value:,.2f}"
    return "unknown"
