"""Agent passes after a crash: first at once, then past every lease and window, until two leave everything as it was."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

from tests import entry

PAST_EVERYTHING_SECONDS = (1, 45, 460, 530, 600, 670)
"""Leases 30 s, look-up window 300 s, denials 60 s apart."""
DONE, COULD_NOT_SEE_EVERYTHING = 0, 1


def main() -> int:
    clock_file = Path(sys.argv[1])
    for seconds in PAST_EVERYTHING_SECONDS:
        clock_file.write_text(str(seconds))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = entry.main([str(clock_file), "agent", "--once"])
        if code not in {DONE, COULD_NOT_SEE_EVERYTHING}:
            print(said.getvalue())
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
