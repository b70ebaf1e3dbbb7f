"""How huggingface_hub reaches the hub: every wait ends, little is asked twice, and what was seen is the fallback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
from huggingface_hub.utils import parse_ratelimit_headers

from aicompute_tui.domain.errors import AicError, BadAnswer, NotTrusted, RateLimited, TimedOut, Unreachable
from aicompute_tui.hub.kept import KeptAnswer, KeptAnswers

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
ANSWER_SECONDS = 25.0
"""For a whole answer, however steadily it drips."""
_MOST_BYTES = 32 << 20
_FRESH = timedelta(seconds=60)
"""What was read so lately is not asked again."""
_USUAL_REST_SECONDS = 60.0
_LONGEST_REST_SECONDS = 600.0
_KEPT_HEADERS = ("content-range", "content-type", "etag", "link", "location", "x-repo-commit")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class Look:
    """What one call of the adapter came by: the oldest moment of its answers, and why they are not fresh."""

    read_at: datetime | None = None
    failure: AicError | None = None

    def saw(self, moment: datetime) -> None:
        self.read_at = moment if self.read_at is None else min(self.read_at, moment)


LOOK: ContextVar[Look | None] = ContextVar("hub_look", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under which the hub may be asked."""

    is_offline: bool
    may_reach: Callable[[str], bool]
    now: Callable[[], datetime]
    proxies: Mapping[str, str] = field(default_factory=dict)
    """By scheme; `no` names what is reached without."""


class KeepingTransport(httpx2.BaseTransport):
    """Thread-safe. Raises AicError in place of httpx2's errors, so that nothing above asks again by itself."""

    def __init__(self, kept: KeptAnswers, conditions: Conditions) -> None:
        self._kept = kept
        self._conditions = conditions
        self._direct = httpx2.HTTPTransport()
        self._proxied: dict[str, httpx2.HTTPTransport] = {}
        self._opening = threading.Lock()
        self._resting: dict[str, datetime] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        look = LOOK.get() or Look()
        question, asker = str(request.url), request.headers.get("authorization", "")
        known = self._kept.get(question, asker) if _is_kept(request) else None
        now = self._conditions.now()
        if known is not None and timedelta(0) <= now - known.read_at < _FRESH:
            look.saw(known.read_at)
            return _response(known, request)
        try:
            answer = self._asked(request, known)
        except (Unreachable, RateLimited, BadAnswer) as error:
            if known is None:
                raise
            look.failure = error
            look.saw(known.read_at)
            return _response(known, request)
        if answer.status == 304 and known is not None:
            answer = self._kept.confirm(question, asker, known, now)
        elif _is_kept(request) and _is_worth_keeping(answer, request):
            self._kept.put(question, asker, answer)
        look.saw(now)
        return _response(answer, request)

    def close(self) -> None:
        for each in (self._direct, *self._proxied.values()):
            each.close()

    def _asked(self, request: httpx2.Request, known: KeptAnswer | None) -> KeptAnswer:
        host, now = request.url.host, self._conditions.now()
        if self._conditions.is_offline:
            raise Unreachable("HF_HUB_OFFLINE is set: the hub is not asked.", "Unset it to ask the hub.")
        if not self._conditions.may_reach(str(request.url)):
            raise Unreachable("The demo reaches nothing outside this machine.", "Leave the demo to ask the hub.")
        rests_until = self._resting.get(host)
        if rests_until is not None and rests_until > now:
            raise _rate_limited((rests_until - now).total_seconds())
        if known is not None and known.etag:
            request.headers["If-None-Match"] = known.etag
        try:
            answer = self._once(request)
        except (httpx2.ReadError, httpx2.RemoteProtocolError):
            answer = self._last(request)
        except httpx2.TransportError as error:
            raise _unreachable(error, host) from None
        self._heed(answer, host)
        return answer

    def _last(self, request: httpx2.Request) -> KeptAnswer:
        """Once more after a connection that was cut."""
        try:
            return self._once(request)
        except httpx2.TransportError as error:
            raise _unreachable(error, request.url.host) from None

    def _once(self, request: httpx2.Request) -> KeptAnswer:
        ends_at = time.monotonic() + ANSWER_SECONDS
        response = self._way(request).handle_request(request)
        response.request = request
        body = bytearray()
        try:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise BadAnswer(f"{request.url.host} answered more than {_MOST_BYTES >> 20} MiB.", "Try again.")
                if time.monotonic() > ends_at:
                    raise TimedOut(f"{request.url.host} took too long to answer.", "Try again.")
        except httpx2.DecodingError:
            raise BadAnswer(f"{request.url.host} answered what cannot be unpacked.", "Try again.") from None
        finally:
            response.close()
        return KeptAnswer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=bytes(body),
            read_at=self._conditions.now(),
        )

    def _way(self, request: httpx2.Request) -> httpx2.HTTPTransport:
        proxies = dict(self._conditions.proxies)
        proxy = proxies.get(request.url.scheme)
        if not proxy or _goes_without(request.url.host, proxies.get("no", "")):
            return self._direct
        with self._opening:
            if proxy not in self._proxied:
                self._proxied[proxy] = httpx2.HTTPTransport(proxy=proxy)
            return self._proxied[proxy]

    def _heed(self, answer: KeptAnswer, host: str) -> None:
        """What it says of how much it may still be asked, and of itself. Raises RateLimited, BadAnswer."""
        told = parse_ratelimit_headers(answer.headers)
        if answer.status == 429:
            seconds = _rest_seconds(answer.headers, told.reset_in_seconds if told and not told.remaining else None)
            self._resting[host] = self._conditions.now() + timedelta(seconds=seconds)
            raise _rate_limited(seconds)
        if told is not None and told.remaining == 0:
            rest = timedelta(seconds=min(told.reset_in_seconds, _LONGEST_REST_SECONDS))
            self._resting[host] = self._conditions.now() + rest
        if answer.status >= 500:
            raise BadAnswer(f"{host} answered {answer.status}.", "Try again later.")


def _goes_without(host: str, without: str) -> bool:
    """Whether the list of names, as `NO_PROXY` has it, holds the host or what it ends with."""
    names = [name.strip().lstrip(".").lower() for name in without.split(",")]
    return any(name in {"*", host} or host.endswith(f".{name}") for name in names if name)


def _is_kept(request: httpx2.Request) -> bool:
    path = request.url.path
    if request.method != "GET" or "range" in request.headers or path.endswith("/auth-check"):
        return False
    return path.startswith(("/api/models", "/api/resolve-cache/")) or "/resolve/" in path


def _is_worth_keeping(answer: KeptAnswer, request: httpx2.Request) -> bool:
    """A redirect to another host leads there for minutes only, and a page in the place of an answer is a gateway's."""
    if answer.status in _REDIRECTS:
        return request.url.join(answer.headers.get("location", "")).host == request.url.host
    return answer.status == 200 and "html" not in answer.headers.get("content-type", "").lower()


def _response(answer: KeptAnswer, request: httpx2.Request) -> httpx2.Response:
    """The body is unpacked already; its length and packing are not repeated."""
    passed = answer.headers if answer.status >= 400 else {k: v for k, v in answer.headers.items() if k in _KEPT_HEADERS}
    dropped = {"content-length", "content-encoding", "transfer-encoding"}
    headers = {name: value for name, value in passed.items() if name not in dropped}
    return httpx2.Response(answer.status, headers=headers, content=answer.body, request=request)


def _rest_seconds(headers: Mapping[str, str], reset: int | None) -> float:
    written = headers.get("retry-after", "").strip()
    seconds = float(written) if written.isascii() and written.isdigit() else reset
    return min(_USUAL_REST_SECONDS if seconds is None else max(1.0, seconds), _LONGEST_REST_SECONDS)


def _rate_limited(seconds: float) -> RateLimited:
    wait = max(1, round(seconds))
    return RateLimited("The hub wants fewer questions.", f"Try again in {wait} s; a token raises its limit.",
                       retry_after=seconds)  # fmt: skip


def _unreachable(error: httpx2.TransportError, host: str) -> Unreachable:
    kind = type(error).__name__
    if isinstance(error, httpx2.TimeoutException):
        return TimedOut(f"{host} did not answer in time.", "Look at the network, then try again.", kind)
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NotTrusted(f"The certificate of {host} is not one to trust.", "Set SSL_CERT_FILE to your own.", kind)
    return Unreachable(f"{host} cannot be reached.", "Look at the network; what was seen before is still shown.", kind)
