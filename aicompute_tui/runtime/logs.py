"""Our log, with everything that looks like a secret taken out before it reaches the file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from aicompute_tui.domain.redaction import HIDDEN, redact
from aicompute_tui.settings.logs import start_log

_NEVER_BELOW_WARNING = ("botocore", "boto3", "urllib3", "s3transfer", "aiosqlite", "sqlalchemy", "httpx2", "httpcore2")


class _Redactor(logging.Filter):
    """Rewrites a record in place: message, arguments and traceback become one harmless text."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._secrets = list(secrets)
        self._tracebacks = logging.Formatter()

    def hide(self, secret: str) -> None:
        if secret not in self._secrets:
            self._secrets.append(secret)
            self._secrets.sort(key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING and record.name.partition(".")[0] in _NEVER_BELOW_WARNING:
            return False
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self._tracebacks.formatException(record.exc_info)}"
        record.msg, record.args, record.exc_info, record.exc_text = self._clean(text), None, None, None
        return True

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return redact(text)


def start(folder: Path, program: str, *, debug: bool, secrets: Sequence[str]) -> Path | None:
    """Starts the log of one program; None where no file can be written, which stops nothing."""
    path = start_log(folder, program, debug)
    redactor = _Redactor(secrets)
    for handler in logging.getLogger().handlers:
        handler.addFilter(redactor)
    return path


def hide(secret: str) -> None:
    """Takes a secret learned later out of every further line."""
    for handler in logging.getLogger().handlers:
        for entry in handler.filters:
            if isinstance(entry, _Redactor):
                entry.hide(secret)
