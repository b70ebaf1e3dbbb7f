"""The script a machine runs at its first start, put together from the packaged node files."""

from __future__ import annotations

import re
from datetime import datetime

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.settings.packaged import DATA

LIMIT_BYTES = 16_384
"""What EC2 takes, before encoding."""

_NODE = DATA / "node"
_LAUNCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_EMBEDDED = {"@DEADMAN@": "deadman.sh", "@SERVICE@": "aic-tui-deadman.service", "@TIMER@": "aic-tui-deadman.timer"}


def render_user_data(*, expires_at: datetime | None, max_expires_at: datetime | None, launch_id: str) -> str:
    """The same order always gives the same bytes: a launch sent twice with one token must not differ.

    `None` for an end means that there is none; for the cap, that an extension may go anywhere.
    """
    if not _LAUNCH_ID.fullmatch(launch_id):
        raise InvalidInput("The launch id may hold letters, digits and hyphens only.")
    values = {"@LAUNCH@": launch_id, "@END@": _epoch(expires_at), "@MAX_END@": _epoch(max_expires_at)}
    for mark, name in _EMBEDDED.items():
        values[mark] = (_NODE / name).read_text(encoding="utf-8").rstrip("\n")
    template = (_NODE / "user-data.sh").read_text(encoding="utf-8")
    text = re.sub("|".join(values), lambda found: values[found[0]], template)
    size = len(text.encode())
    if size > LIMIT_BYTES:
        raise InvalidInput(f"The start script has {size} bytes, more than the {LIMIT_BYTES} the cloud takes.")
    return text


def _epoch(moment: datetime | None) -> str:
    if moment is None:
        return "none"
    if moment.tzinfo is None:
        raise InvalidInput("The end of a machine needs a time zone.")
    return str(int(moment.timestamp()))
