"""The filter over columns: the same language as over rows, answered by a mask for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from aicompute_tui.ui.filter_language import COMPARISONS, CONTEXT, Filter, Term
from aicompute_tui.ui.widgets.column_fields import Field, Figures, Words, both, joined

_INVERSE = bytes([1, 0]) + bytes(254)


def filter_mask(found: Filter, fields: Mapping[str, Field], searched: Collection[str], context: str) -> bytes | None:
    """1 where a row passes; None where every row does.

    Words without a column are looked for in the fields `searched`, `@name` in the field `context`.
    """
    return both(_term_mask(term, fields, searched, context) for term in found.terms)


def _term_mask(term: Term, fields: Mapping[str, Field], searched: Collection[str], context: str) -> bytes:
    mask = _found(term, fields, searched, context)
    return mask.translate(_INVERSE) if term.inverse else mask


def _found(term: Term, fields: Mapping[str, Field], searched: Collection[str], context: str) -> bytes:
    if term.operator:
        return _compared(fields[term.column or ""], term)
    matches = _matcher(term)
    names = searched if term.column is None else [context if term.column == CONTEXT else term.column]
    masks = [_text_mask(fields[name], matches) for name in names]
    together = masks[0]
    for mask in masks[1:]:
        together = joined(together, mask, int.__or__)
    return together


def _matcher(term: Term) -> Callable[[str], bool]:
    if term.pattern is not None:
        pattern = term.pattern
        return lambda word: pattern.search(word) is not None
    needle = term.needle or ""
    return lambda word: needle in word.lower()


def _text_mask(field: Field, matches: Callable[[str], bool]) -> bytes:
    if isinstance(field, Words):
        return field.mask(matches)
    scale, places, least = field.scale, field.places, field.least
    found = {figure: figure >= least and matches(f"{figure * scale:.{places}f}") for figure in frozenset(field.vector)}
    return bytes(map(found.__getitem__, field.vector))


def _compared(field: Field, term: Term) -> bytes:
    """Figures in the unit that is shown; one that is equal when rounded as shown is equal. Words have no size."""
    if not isinstance(field, Figures):
        return bytes(len(field.codes))
    scale, least, number = field.scale, field.least, term.number
    if term.operator == "=":
        near = 0.5 * 10.0**-field.places
        return bytes([figure >= least and abs(figure * scale - number) <= near for figure in field.vector])
    compare = COMPARISONS[term.operator]
    return bytes([figure >= least and compare(figure * scale, number) for figure in field.vector])
