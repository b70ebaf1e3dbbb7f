"""Files that ship with the package: styles, dated data and node scripts."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
DATA = _PACKAGE / "data"
STYLES = next(
    (path for path in (_PACKAGE / "styles", _PACKAGE.parent / "styles") if path.is_dir()), _PACKAGE / "styles"
)
