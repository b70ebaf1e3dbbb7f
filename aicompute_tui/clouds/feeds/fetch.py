"""One conditional request for a feed: whole and new, unchanged, or one sentence why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from aicompute_tui.domain.errors import AicError, BadAnswer, NotAllowed, NotFound, RateLimited, Unreachable
from aicompute_tui.domain.price_feed import FeedState
from aicompute_tui.http.exchange import get
from aicompute_tui.http.talk import Answer

SECONDS = 60.0
_MOVED = frozenset({301, 302, 303, 307, 308})
_LAST_GOOD = "The last good prices stay; update aic-tui, or name a mirror: aic-tui setting set price_feeds_url URL."


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` None means unchanged."""

    body: bytes | None
    etag: str
    last_modified: str


async def fetch(url: str, known: FeedState, *, most_bytes: int, seconds: float = SECONDS) -> Fetched:
    """Raises AicError for anything but the whole of it or `unchanged`."""
    sent = {"User-Agent": "aic-tui"}
    if known.url == url:
        sent |= {"If-None-Match": known.etag} if known.etag else {}
        sent |= {"If-Modified-Since": known.last_modified} if known.last_modified else {}
    answer = await get(url, sent, seconds=seconds, most_bytes=most_bytes)
    if answer.status == HTTPStatus.NOT_MODIFIED and len(sent) > 1:
        return Fetched(None, known.etag, known.last_modified)
    where = urlsplit(url).netloc
    if answer.status != HTTPStatus.OK:
        raise _refusal(url, where, answer)
    if not answer.is_whole:
        step = "The last good prices stay; ask again later."
        raise BadAnswer(f"{where} sends more than {most_bytes >> 20} MiB, which is no price feed.", step)
    if "html" in answer.headers.get("content-type", "").lower() or answer.body.lstrip()[:1] == b"<":
        step = "Is there a log-in page or a proxy between? The last good prices stay."
        raise BadAnswer(f"{where} sends a web page in the place of prices.", step)
    return Fetched(answer.body, answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))


def _refusal(url: str, where: str, answer: Answer) -> AicError:
    status = answer.status
    if status in _MOVED:
        target = urljoin(url, answer.headers.get("location", ""))
        return NotFound(f"The feed at {where} has moved to {target}.", _LAST_GOOD)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return NotFound(f"There is no price feed at {url} any more.", _LAST_GOOD)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return NotAllowed(f"{where} does not give its prices out (HTTP {status}).", _LAST_GOOD)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        retry_after = _seconds(answer.headers.get("retry-after", ""))
        step = "The last good prices stay; it is asked again later."
        return RateLimited(f"{where} wants to be asked later (HTTP {status}).", step, retry_after=retry_after)
    return Unreachable(f"{where} answers HTTP {status}.", "The last good prices stay; it is asked again later.")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def moment_of(last_modified: str) -> datetime | None:
    """None for anything but the date of an HTTP header, which is UTC where it names no zone."""
    try:
        found = parsedate_to_datetime(last_modified)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
