"""What an action on containers or their hosts ends or loses, said as a question, a short list and a verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aicompute_tui.actions.damage import Damage, Row, name_of

_NAMED_AT_MOST = 6


def stop(rows: Sequence[Row]) -> Damage:
    return _containers("Stop", rows, "ends  what it serves now; its files stay", "ends  what they serve now")


def restart(rows: Sequence[Row]) -> Damage:
    one, several = "ends  what it serves until it is up", "ends  what they serve until they are up"
    return _containers("Restart", rows, one, several)


def kill(rows: Sequence[Row]) -> Damage:
    return _containers("Kill", rows, "ends  it at once, whatever it is doing; its files stay", "ends  them at once")


def remove(rows: Sequence[Row]) -> Damage:
    return _containers(
        "Remove",
        rows,
        "loses  everything it wrote outside of volumes; no copy is kept",
        "loses  everything they wrote outside of volumes; no copy is kept",
    )


def recreate(rows: Sequence[Row]) -> Damage:
    row = rows[0]
    before = row.get("half_replaced")
    if before:
        lines = [
            f"is  the old one of a replacement of {before} that did not come to its end",
            "ends  as was asked: the new one takes its place, or it is put back as it was",
        ]
        return Damage(f"Go on with {before}?", tuple(lines), f"Go on with {before}")
    lines = [
        f"{name_of(row)}  on {row.get('host') or 'its host'}, {row.get('state')}",
        "ends  what it serves until the new one runs",
        "loses  everything it wrote outside of volumes, once the new one runs; no copy is kept",
        "keeps  its settings where nothing else is named, and its volumes; if the new one fails it is put back",
    ]
    verb = f"Make {name_of(row)} anew"
    return Damage(f"{verb}?", tuple(lines), verb)


def remove_host(rows: Sequence[Row]) -> Damage:
    row = rows[0]
    lines = ["loses  what is known of it and its containers here; nothing on the host changes"]
    if row.get("running"):
        lines.append(f"leaves  {row['running']} containers running there")
    verb = f"Remove the host {name_of(row)}"
    return Damage(f"{verb}?", tuple(lines), verb)


def forget_key(rows: Sequence[Row]) -> Damage:
    lines = (
        "loses  the only way to notice that another machine answers in its place",
        "after  the next connection trusts the key it meets",
    )
    verb = f"Forget the key of {name_of(rows[0])}"
    return Damage(f"{verb}?", lines, verb)


def _containers(verb: str, rows: Sequence[Row], one: str, several: str) -> Damage:
    named = [f"{name_of(row)}  on {row.get('host') or 'its host'}, {row.get('state')}" for row in rows[:_NAMED_AT_MOST]]
    if len(rows) > _NAMED_AT_MOST:
        named.append(f"and {len(rows) - _NAMED_AT_MOST} more")
    title = f"{verb} {name_of(rows[0])}" if len(rows) == 1 else f"{verb} {len(rows)} containers"
    return Damage(f"{title}?", (*named, one if len(rows) == 1 else several), title)


BUILDERS: dict[str, Callable[[Sequence[Row]], Damage]] = {
    "container.stop": stop,
    "container.restart": restart,
    "container.kill": kill,
    "container.remove": remove,
    "container.recreate": recreate,
    "host.remove": remove_host,
    "host.forget-key": forget_key,
}
