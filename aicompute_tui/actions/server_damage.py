"""What the dangerous verbs on model servers lose, said as a question, a short list and a verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aicompute_tui.actions.damage import Damage, Row, name_of


def remove(rows: Sequence[Row]) -> Damage:
    verb = _on("Remove the server", rows)
    lost = ("loses  its settings, its key if it has one, and its history: no copy is kept", "stays  what runs there")
    return Damage(f"{verb}?", lost, verb)


def delete_model(rows: Sequence[Row]) -> Damage:
    verb = _about("Delete", rows)
    lines = (
        "loses  its files on the server; it can be fetched again while its registry has it",
        "ends  what is being answered by it",
    )
    return Damage(f"{verb}?", lines, verb)


def unload(rows: Sequence[Row]) -> Damage:
    verb = _about("Unload", rows)
    lines = ("ends  what is being answered by it", "after  the next request waits until it is loaded again")
    return Damage(f"{verb}?", lines, verb)


def sleep(rows: Sequence[Row]) -> Damage:
    verb = _on("Put to sleep", rows)
    lines = ("ends  what it is answering now", "after  it answers nobody until it is woken: server wake")
    return Damage(f"{verb}?", lines, verb)


def unload_lora(rows: Sequence[Row]) -> Damage:
    verb = _about("Unload the adapter", rows, "adapter")
    return Damage(f"{verb}?", ("after  requests for it fail until it is loaded again",), verb)


def _on(verb: str, rows: Sequence[Row]) -> str:
    return f"{verb} {name_of(rows[0])}" if len(rows) == 1 else f"{verb} {len(rows)} servers"


def _about(verb: str, rows: Sequence[Row], what: str = "model") -> str:
    """`Delete llama3 of box`; the command line names both in one."""
    named = rows[0].get(what) if rows else None
    return f"{verb} {named} of {name_of(rows[0])}" if named else f"{verb} {name_of(rows[0])}" if rows else verb


BUILDERS: dict[str, Callable[[Sequence[Row]], Damage]] = {
    "server.remove": remove,
    "server.delete-model": delete_model,
    "server.unload": unload,
    "server.sleep": sleep,
    "server.lora-unload": unload_lora,
}
