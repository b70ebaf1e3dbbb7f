"""What an action costs or destroys, said as a question, a short list and a verb: what every door asks with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aicompute_tui.actions.model import Action
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.json import Json

Row = Mapping[str, Json]
_NAMED_AT_MOST = 6


@dataclass(frozen=True, slots=True)
class Damage:
    """`typed_name` is what must be typed out before the dangerous answer is given, None where nothing must."""

    question: str
    lines: tuple[str, ...]
    verb: str
    typed_name: str | None = None


def damage_of(action: Action, rows: Sequence[Row]) -> Damage:
    """The dialog for `action` on `rows`; an action without a text of its own is asked by its title."""
    from aicompute_tui.actions import container_damage, quota_damage, server_damage, stored_damage

    others = {
        **container_damage.BUILDERS,
        **stored_damage.BUILDERS,
        **server_damage.BUILDERS,
        **quota_damage.BUILDERS,
    }
    builder = _BUILDERS.get(action.id) or others.get(action.id)
    if builder is not None and (rows or action.scope == "global"):
        return builder(rows)
    verb = _on(action.title, rows)
    return Damage(f"{verb}?", (action.help,), verb)


def terminate(rows: Sequence[Row]) -> Damage:
    lines = [*_spent(rows, "saves"), *_lost_with_machines(rows)]
    guarded = [name_of(row) for row in rows if row.get("protected")]
    verb = _on("Terminate", rows)
    return Damage(f"{verb}?", tuple(lines), verb, " ".join(guarded) or None)


def stop(rows: Sequence[Row]) -> Damage:
    lines = [
        *_spent(rows, "saves"),
        f"ends  what runs on {_it(rows)} now; its address changes at the next start"
        if len(rows) == 1
        else "ends  what runs on them now; their addresses change at the next start",
        "keeps  the volume, which is still billed" if len(rows) == 1 else "keeps  the volumes, which are still billed",
    ]
    return Damage(f"{_on('Stop', rows)}?", tuple(lines), _on("Stop", rows))


def reboot(rows: Sequence[Row]) -> Damage:
    lines = [
        *_spent(rows, None),
        f"ends  what runs on {_it(rows)} now; requests fail until the model is loaded again",
        "keeps  the volume, the address, the price and the end",
    ]
    return Damage(f"{_on('Reboot', rows)}?", tuple(lines), _on("Reboot", rows))


def adopt(rows: Sequence[Row]) -> Damage:
    """Another store's machine wants its name typed; an orphan of ours only a yes."""
    row = rows[0]
    foreign = row.get("ownership") == "foreign"
    lines = ["gains  a row here; from then on this store ends it when its time is up"]
    if foreign:
        lines.append(
            f"taken  from {_text(row, 'owner') or 'another owner'}, store {_text(row, 'store_id') or 'unknown'}"
        )
    verb = f"Adopt {name_of(row)}"
    return Damage(f"{verb}?", tuple(lines), verb, name_of(row) if foreign else None)


def unprotect(rows: Sequence[Row]) -> Damage:
    verb = _on("Unprotect", rows)
    return Damage(f"{verb}?", (f"after  ending {_it(rows)} wants one yes, and no name typed any more",), verb)


def reap(rows: Sequence[Row]) -> Damage:
    """`rows` are the orphans known now; the action itself looks again."""
    named = [f"{name_of(row)}  {_running(row)}{_hourly_clause(row)}" for row in rows[:_NAMED_AT_MOST]]
    if len(rows) > _NAMED_AT_MOST:
        named.append(f"and {len(rows) - _NAMED_AT_MOST} more")
    lines = [
        *named,
        "ends  every machine with this store's tag that has no row here, for good",
        "never  another store's machine",
    ]
    verb = f"Reap {len(rows)} orphan{'' if len(rows) == 1 else 's'}" if rows else "Reap orphans"
    return Damage(f"{verb}?", tuple(lines), verb)


def forget_key(rows: Sequence[Row]) -> Damage:
    lines = (
        "loses  the only way to notice that another machine answers in its place",
        "after  the next connection trusts the key it meets",
    )
    verb = _on("Forget the key of", rows)
    return Damage(f"{verb}?", lines, verb, name_of(rows[0]))


def give_up(rows: Sequence[Row]) -> Damage:
    lines = [
        f"burns  it may still run{_hourly_clause(rows[0])}, and nobody here can end it: look in the account itself",
        f"seen  {_text(rows[0], 'last_seen_at') or 'never'}; its account is asked once more first",
        "after  it leaves the list; should its account answer again, it is found and ended",
    ]
    verb = _on("Give up", rows)
    return Damage(f"{verb}?", tuple(lines), verb, name_of(rows[0]))


def may_still_run(row: Row) -> bool:
    """Ending or in doubt, and not denied by its cloud."""
    if row.get("state") in ("lost", "terminated", "failed"):
        return False
    return row.get("state") == "unknown" or row.get("desired_state") == "terminated"


def question_before(action: Action, rows: Sequence[Row], arguments: Mapping[str, Json]) -> Damage | None:
    """The dialog where this would cost or destroy something, None where it would not."""
    if action.id == "instance.protect":
        return unprotect(rows) if arguments.get("off") else None
    if action.id == "instance.acknowledge":
        return give_up(rows) if any(may_still_run(row) for row in rows) else None
    return damage_of(action, rows) if action.dangerous else None


def cancel_job(rows: Sequence[Row]) -> Damage:
    lines = [*_job_states(rows), "stops  at its next safe place; what the cloud has already accepted stays"]
    if any(row.get("action_id") == "instance.launch" for row in rows):
        lines.append("leaves  machines already asked for, with their own end; see the machines table")
    verb = "Cancel the job" if len(rows) == 1 else f"Cancel {len(rows)} jobs"
    return Damage(_job_question("Cancel", rows), tuple(lines), verb)


def retry_job(rows: Sequence[Row]) -> Damage:
    lines = list(_job_states(rows))
    if len(rows) == 1:
        lines.append(f"again  {_given(rows[0]) or 'as it was asked for'}")
    if any(row.get("action_id") == "instance.launch" for row in rows):
        lines.append("costs  what such a machine costs now; its checks are made again before anything is asked for")
    verb = "Retry the job" if len(rows) == 1 else f"Retry {len(rows)} jobs"
    return Damage(_job_question("Retry", rows), tuple(lines), verb)


def _job_question(verb: str, rows: Sequence[Row]) -> str:
    return f"{verb} “{_job_title(rows[0])}”?" if len(rows) == 1 else f"{verb} {len(rows)} jobs?"


def _job_states(rows: Sequence[Row]) -> Iterator[str]:
    """What each is or how it ended."""
    for row in rows[:_NAMED_AT_MOST]:
        told = _text(row, "state") or "unknown"
        told += _clause(_text(row, "error_message") or _text(row, "progress"))
        yield f"is  {told}" if len(rows) == 1 else f"{_job_title(row)}  {told}"
    if len(rows) > _NAMED_AT_MOST:
        yield f"and {len(rows) - _NAMED_AT_MOST} more"


def _job_title(row: Row) -> str:
    action = ACTIONS.get(_text(row, "action_id"))
    return _text(row, "title") or (action.title if action is not None else "this job")


def _given(row: Row) -> str:
    """What a job was asked to do, in its own words."""
    parameters = row.get("parameters")
    given = parameters if isinstance(parameters, dict) else {}
    told = [f"{key.replace('_', ' ')} {_value(value)}" for key, value in given.items() if value not in (None, "", [])]
    return ", ".join(told)


def remove_credential(rows: Sequence[Row]) -> Damage:
    accounts = list(dict.fromkeys(account for row in rows if (account := _text(row, "account_id"))))
    of = f" of account{'' if len(accounts) == 1 else 's'} {', '.join(accounts)}" if accounts else ""
    lines = [f"loses  the stored keys{of}; no copy is kept here"]
    lines.append("leaves  machines of that account running until they end themselves; they cannot be ended from here")
    verb = _on("Remove", rows, "credential")
    return Damage(f"{verb}?", tuple(lines), verb)


def remove_connection(rows: Sequence[Row]) -> Damage:
    named = [f"{name_of(row)}  {_text(row, 'base_url') or 'address unknown'}" for row in rows[:_NAMED_AT_MOST]]
    if len(rows) > _NAMED_AT_MOST:
        named.append(f"and {len(rows) - _NAMED_AT_MOST} more")
    keys = sum(1 for row in rows if row.get("has_key"))
    whose = "its" if len(rows) == 1 else "their"
    told = f" and {whose} key{'' if keys == 1 else 's'}" if keys else ""
    lines = [*named, f"loses  {whose} settings{told}: no copy is kept"]
    offered = sorted({str(flag) for row in rows for flag in _items(row, "flags")})
    if offered:
        lines.append(f"loses  {', '.join(offered)} can ask {_it(rows)} no more")
    if any(_text(row, "source") for row in rows):
        lines.append("again  what follows a container or machine is made anew when that is ready the next time")
    lines.append("stays  what it led to, and its bill" if len(rows) == 1 else "stays  what they led to, and the bill")
    verb = f"Remove the connection {name_of(rows[0])}" if len(rows) == 1 else f"Remove {len(rows)} connections"
    return Damage(f"{verb}?", tuple(lines), verb)


def remove_template(rows: Sequence[Row]) -> Damage:
    verb = _on("Remove", rows, "template")
    lines = ("loses  the launch kept by that name", "leaves  machines launched from it as they are")
    return Damage(f"{verb}?", lines, verb)


def name_of(row: Row) -> str:
    """What people call it: its name, else the cloud's id, else our id."""
    return _text(row, "name") or _text(row, "remote_id") or _text(row, "id") or "?"


_BUILDERS: dict[str, Callable[[Sequence[Row]], Damage]] = {
    "instance.terminate": terminate,
    "instance.stop": stop,
    "instance.reboot": reboot,
    "instance.adopt": adopt,
    "instance.reap": reap,
    "instance.forget-key": forget_key,
    "instance.acknowledge": give_up,
    "job.cancel": cancel_job,
    "job.retry": retry_job,
    "credential.remove": remove_credential,
    "template.remove": remove_template,
    "connection.remove": remove_connection,
}


def _on(verb: str, rows: Sequence[Row], noun: str = "machine") -> str:
    if not rows:
        return verb
    return f"{verb} {name_of(rows[0])}" if len(rows) == 1 else f"{verb} {len(rows)} {noun}s"


def _it(rows: Sequence[Row]) -> str:
    return "it" if len(rows) == 1 else "them"


def _spent(rows: Sequence[Row], saving: str | None) -> list[str]:
    """Running time, cost so far and what is saved per hour; a figure that is not known is said to be unknown."""
    hourly = _sum(rows, "price_usd_per_hour")
    cost = _sum(rows, "cost_usd")
    if len(rows) == 1:
        running = _running(rows[0])
        parts = [running, f"{_money(cost)} so far" if cost is not None else "cost so far unknown"]
        if saving:
            parts.append(f"{saving} {_money(hourly)}/h from now" if hourly is not None else "price unknown")
        return [", ".join(parts)]
    named = [f"{name_of(row)}  {_running(row)}{_dollars_clause(row)}" for row in rows[:_NAMED_AT_MOST]]
    total = f"together {_money(cost)} so far" if cost is not None else "together cost so far unknown"
    if saving:
        total += f", {saving} {_money(hourly)}/h from now" if hourly is not None else ", price unknown"
    rest = len(rows) - _NAMED_AT_MOST
    if rest > 0:
        named.append(f"and {rest} more" if rest > 1 else "and one more")
    return [*named, total]


def _running(row: Row) -> str:
    seconds = row.get("uptime_seconds")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        return f"running {format_duration(seconds)}"
    return _text(row, "state") or "state unknown"


def _hourly_clause(row: Row) -> str:
    hourly = row.get("price_usd_per_hour")
    return f", {_money(hourly)}/h" if isinstance(hourly, (int, float)) else ", price unknown"


def _dollars_clause(row: Row) -> str:
    cost = row.get("cost_usd")
    return f", {_money(cost)}" if isinstance(cost, (int, float)) else ""


def _lost_with_machines(rows: Sequence[Row]) -> list[str]:
    if len(rows) > 1:
        return [f"loses  {len(rows)} root volumes and everything on them"]
    row = rows[0] if rows else {}
    size = row.get("volume_gib")
    parts = [f"its {size} GiB volume" if size else "its root volume"]
    if row.get("endpoint"):
        models = row.get("models")
        names = ", ".join(str(model) for model in models) if isinstance(models, list) else ""
        parts.append(f"the endpoint of {names}" if names else "its endpoint")
    return ["loses  " + ", ".join(parts)]


def _sum(rows: Sequence[Row], key: str) -> float | None:
    """The sum over all rows, None where one of them is not known."""
    total = 0.0
    for row in rows:
        value = row.get(key)
        if not isinstance(value, (int, float)):
            return None
        total += value
    return total


def _money(usd: float | int | None) -> str:
    return "unknown" if usd is None else f"${usd:,.2f}"


def _items(row: Row, key: str) -> Sequence[Json]:
    value = row.get(key)
    return value if isinstance(value, list) else ()


def _value(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _clause(text: str) -> str:
    return f", {text}" if text else ""


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    return str(value) if value not in (None, "") else ""
