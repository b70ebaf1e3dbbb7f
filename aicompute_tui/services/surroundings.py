"""Facts about this machine that a check needs: does an agent answer, is the clock right, what does a logout end."""

from __future__ import annotations

import asyncio
import configparser
import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

_ASK_SECONDS = 5.0


async def agent_answers(socket: Path) -> bool:
    """Whether somebody listens at the agent's socket."""
    try:
        async with asyncio.timeout(2):
            _reader, writer = await asyncio.open_unix_connection(str(socket))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def clock_skew_seconds(url: str, now: Callable[[], datetime]) -> float | None:
    """Our time minus that of the server at `url`, by the Date of its answer; None where it gave none."""
    import httpx

    if not url:
        return None
    try:
        async with httpx.AsyncClient(timeout=_ASK_SECONDS, follow_redirects=False) as client:
            before = now()
            answer = await client.head(url)
            after = now()
        moment = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    middle = before + (after - before) / 2
    return (middle - moment).total_seconds() - 0.5


def kills_processes_at_logout(root: Path) -> bool | None:
    """What logind's configuration under `root` says, unless this user's processes linger; None where unreadable."""
    files = [root / "etc/systemd/logind.conf"]
    for folder in ("usr/lib/systemd/logind.conf.d", "etc/systemd/logind.conf.d", "run/systemd/logind.conf.d"):
        files += sorted((root / folder).glob("*.conf"))
    setting = "no"
    for file in files:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        try:
            parser.read_string(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, configparser.Error):
            return None
        setting = parser.get("Login", "KillUserProcesses", fallback=setting)
    if setting.strip().lower() not in ("yes", "true", "on", "1"):
        return False
    return not (root / "var/lib/systemd/linger" / _user()).exists()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "nobody"
