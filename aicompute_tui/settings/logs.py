"""Our own rotating log file, readable by its owner alone."""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LARGEST_FILE = 2_000_000
_KEPT_FILES = 4
_OTHERS_AT_WARNING = (
    "botocore",
    "boto3",
    "urllib3",
    "s3transfer",
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "huggingface_hub",
    "aiosqlite",
    "sqlalchemy",
    "asyncio",
)
"""Libraries that write requests, headers or statements, and so secrets, into their debug lines."""


class _OwnerOnly(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")


def start_log(folder: Path, program: str, debug: bool) -> Path | None:
    """Sends log lines to `folder`/`program`.log; None where no file can be written, which stops nothing."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        if isinstance(handler, _OwnerOnly):
            handler.close()
    path = folder / f"{program}.log"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        file = _OwnerOnly(path, maxBytes=_LARGEST_FILE, backupCount=_KEPT_FILES, delay=True)
    except OSError:
        root.addHandler(logging.NullHandler())
        return None
    file.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root.addHandler(file)
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False
    logging.getLogger("aicompute_tui").setLevel(logging.DEBUG if debug else logging.INFO)
    for name in _OTHERS_AT_WARNING:
        logging.getLogger(name).setLevel(logging.WARNING)
    return path
