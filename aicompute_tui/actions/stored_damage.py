"""What removing images, volumes and logins loses and frees, said as a question, a short list and a verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aicompute_tui.actions.damage import Damage, Row, name_of
from aicompute_tui.domain.sizes import format_bytes

_NAMED_AT_MOST = 6


def remove_image(rows: Sequence[Row]) -> Damage:
    return _asked("Remove", "image", rows, _named(rows, "size", _also), *_lost_images(rows))


def remove_volume(rows: Sequence[Row]) -> Damage:
    return _asked("Remove", "volume", rows, _named(rows, "size"), "loses  every file in it; no copy is kept")


def prune_images(rows: Sequence[Row]) -> Damage:
    """Each that no registry has, and the largest of the others."""
    found = _answered(rows)
    pulled = [row for row in found if _is_pulled(row)]
    shown = [row for row in found if not _is_pulled(row)] + pulled[:_NAMED_AT_MOST]
    more = [f"and  {len(pulled) - _NAMED_AT_MOST} more that were pulled"] if len(pulled) > _NAMED_AT_MOST else []
    return _pruned("image", rows, (*_lost_images(found), *_named(shown, "frees", _origin), *more))


def prune_volumes(rows: Sequence[Row]) -> Damage:
    loses = "loses  every file in volumes that no container uses; no copy is kept"
    return _pruned("volume", rows, (loses, *_named(_answered(rows), "frees")))


def log_out(rows: Sequence[Row]) -> Damage:
    name = str(rows[0].get("registry") or name_of(rows[0])) if rows else "the registry"
    return Damage(
        f"Log out of {name}?",
        ("loses  the stored password; no copy is kept here", "leaves  images that were pulled with it"),
        f"Log out of {name}",
    )


def _also(row: Row) -> str:
    tags = row.get("tags")
    others = [str(tag) for tag in tags[1:]] if isinstance(tags, list) else []
    return f", also called {', '.join(others[:3])}" if others else ""


def _volume_name(row: Row) -> str:
    return str(row.get("called") or name_of(row))


def _is_pulled(row: Row) -> bool:
    """A registry gave it; one without a digest was made on its host."""
    return bool(row.get("digests"))


def _lost_images(rows: Sequence[Row]) -> list[str]:
    made = sum(not _is_pulled(row) for row in rows)
    which = {len(rows): "them" if made > 1 else "it"}.get(made, f"{made} of them")
    lost = [f"loses  {which} for good: made there; cannot be pulled again"] if made else []
    kept = "what was pulled" if made else "them" if len(rows) > 1 else "it"
    pulled = [f"loses  {kept} there; can be pulled again while its registry has it"] if made < len(rows) else []
    return lost + pulled


def _origin(row: Row) -> str:
    return "" if _is_pulled(row) else "; made there; cannot be pulled again"


def _asked(verb: str, noun: str, rows: Sequence[Row], lines: list[str], *loses: str) -> Damage:
    named = _volume_name(rows[0]) if len(rows) == 1 else f"{len(rows)} {noun}s"
    return Damage(f"{verb} {named}?", (*lines, *loses), f"{verb} {named}")


def _answered(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.get("problem") is None]


def _by_host(rows: Sequence[Row]) -> dict[str, list[Row]]:
    hosts: dict[str, list[Row]] = {}
    for row in rows:
        hosts.setdefault(str(row.get("host")), []).append(row)
    return hosts


def _named(rows: Sequence[Row], size: str, more: Callable[[Row], str] = lambda _: "") -> list[str]:
    """Each on a line of its own, below its host."""
    return [
        f"{'' if number else host}  {_volume_name(row)}, {row.get(size)}{more(row)}"
        for host, its in _by_host(rows).items()
        for number, row in enumerate(its)
    ]


def _pruned(noun: str, rows: Sequence[Row], loses: Sequence[str]) -> Damage:
    """What each host would free; one that did not answer is named, and keeps what it has."""
    found = _answered(rows)
    lines = [f"{host}  {_count(noun, len(its))}, {_frees(noun, its)}" for host, its in _by_host(found).items()]
    lines += [f"{row.get('host')}  is left out: {row.get('problem')}" for row in rows if row.get("problem")]
    verb = f"Remove {_count(noun, len(found))}"
    return Damage(f"{verb}?", (*lines, "keeps  whatever is made or used from now on", *loses), verb)


def _count(noun: str, number: int) -> str:
    return f"{number} unused {noun}{'' if number == 1 else 's'}"


def _frees(noun: str, rows: Sequence[Row]) -> str:
    """Layers that only the removed images share are freed as well, so it is the least."""
    known = [size for row in rows if isinstance(size := row.get("frees_bytes"), int)]
    total = sum(known)
    if len(known) < len(rows):
        return f"frees {format_bytes(total)} and what could not be counted" if known else "sizes not known"
    least = "at least " if noun == "image" else ""
    return f"frees {least}{format_bytes(total)}"


BUILDERS: dict[str, Callable[[Sequence[Row]], Damage]] = {
    "image.remove": remove_image,
    "image.prune": prune_images,
    "volume.remove": remove_volume,
    "volume.prune": prune_volumes,
    "registry.logout": log_out,
}
