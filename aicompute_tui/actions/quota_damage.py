"""What asking for more quota sets going, said as a question, a short list and a verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aicompute_tui.actions.damage import Damage, Row


def request(rows: Sequence[Row]) -> Damage:
    """`rows` is one: what is asked for, with the quota as it stands where that is known."""
    row = rows[0] if rows else {}
    what = _text(row, "what") or _text(row, "family") or _text(row, "name") or "the quota"
    asked = f"{_text(row, 'vcpus')} vCPU" if _text(row, "vcpus") else "more"
    where = " ".join(filter(None, (_text(row, "market"), f"in {_text(row, 'region')}" if _text(row, "region") else "")))
    lines = []
    if row.get("limit_vcpus") is not None:
        used = "unknown" if row.get("used_vcpus") is None else _text(row, "used_vcpus")
        lines.append(f"now  {_text(row, 'limit_vcpus')} vCPU, {used} in use")
    lines += [
        "sends  a request in the account's name; AWS may open a support case that its owners see",
        "after  AWS decides, in minutes or in days; nothing is billed by it",
        "never  asked twice: one that is open already is told instead",
    ]
    return Damage(f"Ask AWS for {asked} of {what} {where}".rstrip() + "?", tuple(lines), f"Ask for {asked}")


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    return str(value) if value not in (None, "") else ""


BUILDERS: dict[str, Callable[[Sequence[Row]], Damage]] = {"quota.request": request}
