"""What a model's own page says of it, in a few plain sentences."""

from __future__ import annotations

import re

_LONGEST = 700
_SHORTEST = 40
"""A line below it is a heading or a link."""
_FRONT_MATTER = re.compile(r"\A---\r?\n.*?\r?\n---\r?\n", re.DOTALL)
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_IMAGE = re.compile(r"!\[[^\]]{0,500}\]\([^)]{0,2000}\)")
_LINK = re.compile(r"\[([^\]]{1,500})\]\([^)]{0,2000}\)")
_MARKS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_NOT_PROSE = re.compile(r"^\s*(?:#|\||[-*+]\s|\d+\.\s|>|={3}|-{3})")


def description_of(readme: str) -> str | None:
    """Its first paragraphs of prose; None where it has none."""
    text = _FRONT_MATTER.sub("", readme[: 256 << 10], count=1)
    for pattern in (_FENCED, _COMMENT, _IMAGE, _TAG):
        text = pattern.sub(" ", text)
    text = _MARKS.sub("", _LINK.sub(r"\1", text))
    found: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if line.strip() and not _NOT_PROSE.match(line)]
        paragraph = " ".join(" ".join(lines).split())
        if len(paragraph) >= _SHORTEST:
            found.append(paragraph)
        if sum(map(len, found)) >= _LONGEST // 2:
            break
    return _cut(" ".join(found)) or None


def _cut(text: str) -> str:
    """After a whole sentence where there is one."""
    if len(text) <= _LONGEST:
        return text
    end = text.rfind(". ", 0, _LONGEST)
    return text[: end + 1] if end > _LONGEST // 3 else f"{text[: _LONGEST - 1].rstrip()}…"
