"""Every server's way to say no, in our errors: the key, the quota, the rate, the model, the request, the server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotAllowed,
    NotFound,
    OutOfQuota,
    RateLimited,
    TimedOut,
)
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.redaction import redact
from aicompute_tui.http.waits import wait_of
from aicompute_tui.llms.base import Endpoint, as_object, as_text, objects_in

_LONGEST_SAYING = 300
_QUOTA_WORDS = frozenset({"insufficient_quota", "enforced_spend_limit_reached", "billing_error", "billing_not_active"})
_KEY_WORDS = frozenset(
    {"invalid_api_key", "authentication_error", "API_KEY_INVALID", "UnrecognizedClientException", "no_db_connection"}
)
_STATUS_BY_WORD = {
    **dict.fromkeys(sorted(_QUOTA_WORDS), 402),
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "RESOURCE_EXHAUSTED": 429,
    "ThrottlingException": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "request_too_large": 413,
    "context_length_exceeded": 400,
    "not_found_error": 404,
    "model_not_found": 404,
    "permission_error": 403,
    "invalid_request_error": 400,
    "timeout_error": 504,
}
"""Of errors within a stream, which began with 200; of several words the first of these counts."""
_OVERLOADED = frozenset({498, 503, 529})
_NO_MODEL = re.compile(r"invalid model name|\bmodel\b.{0,80}\b(?:not found|does not exist)", re.IGNORECASE | re.DOTALL)
"""How those say it who answer 400 to a model they do not have."""
_BY_RESPONSES = re.compile(r"/responses\b|\bresponses (?:api|endpoint)\b|^OperationNotSupported\b", re.IGNORECASE)
"""How it is said of a model that another call answers; the words are not settled."""
_FAILED = re.compile(r"[45]\d\d")
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


class Saying(NamedTuple):
    """What an error's body says: its sentence, and every code and type it names."""

    message: str
    words: frozenset[str]
    retry_after: float | None = None


def problem_of(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes, model: str | None = None
) -> AicError:
    """The error of an answer that is none of 2xx."""
    saying = _saying(_decoded(body), headers)
    return _error(endpoint, status, saying._replace(retry_after=wait_of(headers, saying.retry_after)), model)


def wants_responses(endpoint: Endpoint, status: int, body: bytes) -> bool:
    """Whether a server refuses because it answers this model by OpenAI's responses alone."""
    if endpoint.preset.dialect != "openai" or status not in {400, 404}:
        return False
    said = _saying(_decoded(body), {})
    return any(_BY_RESPONSES.search(each) for each in (said.message[:_LONGEST_SAYING], *said.words))


def health_problem(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes) -> AicError:
    """Of what costs nothing: who answers 503 to that does not work, unless it says that it is about to."""
    error = problem_of(endpoint, status, headers, body)
    if status != 503 or not isinstance(error, RateLimited):
        return error
    name, decoded = endpoint.connection.name, _decoded(body)
    saying = _saying(decoded, headers)
    if _is_loading(as_object(as_object(decoded).get("error"))):
        said = f"“{name}” is not ready: “{_safe(endpoint, saying.message)}”."
        return RateLimited(said, error.next_step, error.details, retry_after=error.retry_after)
    return BadAnswer(
        f"“{name}” failed with 503.", _quoted(endpoint, saying) or "Look what is wrong there.", error.details
    )


def _is_loading(error: JsonObject) -> bool:
    """How a llama.cpp server says so, which nothing that stands before it does."""
    return error.get("code") == 503 and error.get("type") == "unavailable_error"


def stream_problem(endpoint: Endpoint, problem: Json, model: str | None) -> AicError:
    """The error that came within an answer."""
    return _error(endpoint, status_within(problem), _saying({"error": problem}, {}), model)


def status_within(problem: Json) -> int:
    """The status that an error within an answer means; its code is a number, a number as text, or a word."""
    code = str(as_object(problem).get("code"))
    if _FAILED.fullmatch(code):
        return int(code)
    words = _saying({"error": problem}, {}).words
    return next((status for word, status in _STATUS_BY_WORD.items() if word in words), 500)


def _error(endpoint: Endpoint, status: int, saying: Saying, model: str | None) -> AicError:  # noqa: PLR0911 - a table
    name = endpoint.connection.name
    details = _safe(endpoint, f"{status} {saying.message}".strip())
    if status == 401 or saying.words & _KEY_WORDS:
        give = f"aic-tui connection edit {endpoint.connection.word} --api-key-stdin"
        if not endpoint.secret:
            return AuthFailed(f"“{name}” wants a key, and none is kept.", f"Give it: {give}", details)
        return AuthFailed(f"“{name}” does not accept the key.", f"Give another: {give}", details)
    if status == 402 or (saying.words & _QUOTA_WORDS and status in {400, 403, 429}):
        return OutOfQuota(f"The account of “{name}” has used up what it may spend.", "Look at its billing.", details)
    if status == 429 or status in _OVERLOADED:
        return _later(name, status, saying, details)
    if status == 404 or (status == 400 and model is not None and _NO_MODEL.search(saying.message[:_LONGEST_SAYING])):
        return _missing(endpoint, model, details)
    if status in {408, 504}:
        return TimedOut(f"“{name}” took longer than it gives itself.", "Try again.", details)
    if status == 403:
        return NotAllowed(f"The key of “{name}” may not do this.", _quoted(endpoint, saying), details)
    if 300 <= status < 400:
        step = "Give the address it leads to: nothing is sent on, since the key would go along."
        return BadAnswer(f"“{name}” points to another address.", step, details)
    if 400 <= status < 500:
        step = "Ask for less at once." if status == 413 else "Check the model and the options of the connection."
        return InvalidInput(f"“{name}” refused the request ({status}).", _quoted(endpoint, saying) or step, details)
    return BadAnswer(f"“{name}” failed with {status}.", _quoted(endpoint, saying) or "Try again later.", details)


def _later(name: str, status: int, saying: Saying, details: str) -> AicError:
    wait = saying.retry_after
    step = "Try again later." if wait is None else f"Try again in {ceil(wait):,} s." if wait else "Try again."
    why = "wants fewer requests" if status == 429 else "is overloaded"
    return RateLimited(f"“{name}” {why}.", step, details, retry_after=wait)


def _missing(endpoint: Endpoint, model: str | None, details: str) -> AicError:
    name = endpoint.connection.name
    if model is not None:
        step = f"See what it offers: aic-tui connection models {endpoint.connection.word}"
        return NotFound(f"“{name}” has no model “{model}”, or the key may not use it.", step, details)
    return NotFound(f"Nothing answers at {endpoint.connection.base_url} in this way.", "Check the address.", details)


def _quoted(endpoint: Endpoint, saying: Saying) -> str:
    """Its own sentence, as the next thing to read."""
    return f"It says: {_safe(endpoint, saying.message)}" if saying.message else ""


def _safe(endpoint: Endpoint, text: str) -> str:
    """One line of what a server said, without our key, which some repeat."""
    if endpoint.secret:
        text = text.replace(endpoint.secret, "…")
    line = " ".join(redact(text).split()).encode("utf-8", "replace").decode()
    return line if len(line) <= _LONGEST_SAYING else f"{line[: _LONGEST_SAYING - 1]}…"


def _decoded(body: bytes) -> Json:
    try:
        decoded: Json = json.loads(body)
    except (ValueError, RecursionError):
        text = body[:_LONGEST_SAYING].decode("utf-8", "replace")
        return None if "<" in text[:64] else text
    return decoded[0] if isinstance(decoded, list) and decoded else decoded


def _saying(body: Json, headers: Mapping[str, str]) -> Saying:
    values = as_object(body)
    inner = values.get("error")
    error = inner if isinstance(inner, dict) else values
    message = inner if isinstance(inner, str) else _first_text(error, "message", "detail") or _fields(error)
    message = message or (body if isinstance(body, str) else "")
    details = objects_in(error.get("details")) or [as_object(error.get("details"))]
    named = [*(error.get(key) for key in ("code", "type", "status")), headers.get("x-amzn-errortype")]
    named += [each.get(key) for each in details for key in ("reason", "error_code")]
    delays = [match for each in details if (match := _DELAY.fullmatch(as_text(each.get("retryDelay")) or ""))]
    words = frozenset(word.partition(":")[0] for word in named if isinstance(word, str))
    return Saying(message, words, float(delays[0][1]) if delays else None)


def _fields(values: JsonObject) -> str:
    """What FastAPI says of each field that it refuses."""
    said = []
    for each in objects_in(values.get("detail")):
        place, words = each.get("loc"), as_text(each.get("msg"))
        named = ".".join(str(part) for part in place) if isinstance(place, list) else ""
        said += [f"{words} ({named})" if named else words] if words else []
    return "; ".join(said)


def _first_text(values: JsonObject, *keys: str) -> str | None:
    return next((text for key in keys if (text := as_text(values.get(key)))), None)
