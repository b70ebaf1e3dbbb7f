"""Whether a person's locale says that their terminal takes UTF-8."""

from __future__ import annotations

import sys
from collections.abc import Mapping

_PLAIN = ("C", "POSIX")


def takes_utf8(environment: Mapping[str, str]) -> bool:
    """False where the locale names another character set; true where it names none.

    In a plain locale Python starts its UTF-8 mode and writes an `LC_CTYPE` of its own, which is not the person's.
    """
    own = environment.get("LC_CTYPE")
    if sys.flags.utf8_mode and environment.get("LANG") in _PLAIN:
        own = None
    locale = environment.get("LC_ALL") or own or environment.get("LANG") or "UTF-8"
    return "utf-8" in locale.lower() or "utf8" in locale.lower()
