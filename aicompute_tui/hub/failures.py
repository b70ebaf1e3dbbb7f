"""What huggingface_hub raises, as our errors: what is gated before what is not found, since it calls one the other."""

from __future__ import annotations

import httpx2
from huggingface_hub import errors

from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    NotFound,
    RateLimited,
    Unreachable,
)
from aicompute_tui.hub.base import STORE_TOKEN, withheld

RAISED = (
    *(errors.HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, OSError),
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
)
"""All that its calls and the reading of their answers raise."""


def failure(error: Exception, what: str, address: str, *, has_token: bool) -> AicError:
    """`what` is the model's id, or the address itself."""
    said = _by_kind(error, what, address, has_token=has_token)
    if said is not None:
        return said
    if isinstance(error, errors.HfHubHTTPError):
        return _by_status(error, what, address, has_token=has_token)
    if isinstance(error, httpx2.HTTPError | OSError):
        return Unreachable(f"{address} cannot be asked.", "Look at the network.", type(error).__name__)
    return BadAnswer(f"{address} answered something else than was asked.", "Try again later.", type(error).__name__)


def _by_kind(error: Exception, what: str, address: str, *, has_token: bool) -> AicError | None:
    """In this order: what is gated is also a kind of not found."""
    if isinstance(error, errors.GatedRepoError):
        return gated(what, address, has_token=has_token)
    if isinstance(error, errors.RepositoryNotFoundError):
        return not_found(what, has_token=has_token)
    plain: tuple[tuple[type[Exception] | tuple[type[Exception], ...], AicError], ...] = (
        (errors.DisabledRepoError, NotAllowed(f"{what} was disabled by the hub.", "Choose another model.")),
        (
            (errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError),
            NotFound(f"{what} has no such file.", "Choose another model."),
        ),
        (
            errors.LocalTokenNotFoundError,
            NotConfigured("There is no Hugging Face token.", f"Store one: {STORE_TOKEN}"),
        ),
        (errors.HFValidationError, InvalidInput(f"“{what}” is not the id of a model.", "Write it as author/name.")),
    )
    return next((said for kinds, said in plain if isinstance(error, kinds)), None)


def _by_status(error: errors.HfHubHTTPError, what: str, address: str, *, has_token: bool) -> AicError:
    status = error.response.status_code
    if status == 401 and has_token:
        return AuthFailed("The hub does not know the Hugging Face token.", f"Store a new one: {STORE_TOKEN}")
    if status in {401, 404}:
        return not_found(what, has_token=has_token)
    if status == 403:
        return NotAllowed(f"The token may not see {what}.", "Give it the permission to read this.")
    if status == 429:
        return RateLimited("The hub wants fewer questions.", "Try again in a few minutes.")
    if status == 400:
        return InvalidInput(
            "The hub does not understand the question.", "Change what is asked.", error.server_message or ""
        )
    return BadAnswer(f"{address} answered {status}.", "Try again later.")


def gated(model_id: str, address: str, *, has_token: bool) -> NotAllowed:
    ask = f"Ask for access at {address}/{model_id}"
    if has_token:
        return NotAllowed(f"{model_id} is gated, and your token may not open it.", f"{ask} with the token's account.")
    return NotAllowed(f"{model_id} is gated, and there is no token.", f"{ask}, then: {STORE_TOKEN}")


def without_token(said: AicError, address: str) -> AicError:
    """Where there is a token that was not sent: what may be for want of it says so."""
    if isinstance(said, NotAllowed | NotFound | AuthFailed):
        unsent = withheld(address)
        return type(said)(f"{said.message} {unsent.message}", unsent.next_step, said.details)
    return said


def not_found(what: str, *, has_token: bool) -> NotFound:
    private = "" if has_token else f" If it is private, store a token: {STORE_TOKEN}"
    return NotFound(f"The hub has no {what}, or it is private.", f"Look for it: aic-tui model search WORDS.{private}")
