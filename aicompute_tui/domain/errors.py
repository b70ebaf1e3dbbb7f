"""The errors every door understands: one plain sentence, the next thing to do, and the raw text behind it."""

from __future__ import annotations


class AicError(Exception):
    """A failure said in words; `kind` is the stable name programs match on."""

    def __init__(self, message: str, next_step: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.details = details

    @property
    def kind(self) -> str:
        return type(self).__name__


class InvalidInput(AicError):
    """What was asked for cannot be understood or is not allowed by its own rules."""


class NotConfigured(AicError):
    """Something must be set up first."""


class AuthFailed(AicError):
    """The credentials are absent, wrong or expired."""


class NotAllowed(AicError):
    """The credentials are good but may not do this."""


class NotFound(AicError):
    """No such thing."""


class OutOfQuota(AicError):
    """The account's limit is used up."""


class OutOfCapacity(AicError):
    """The cloud has no such machine to give now."""


class PriceTooHigh(AicError):
    """The price is above the cap given."""


class BudgetExceeded(AicError):
    """The monthly cap would be passed."""


class SetupFailed(AicError):
    """A machine could not set itself up."""


class RateLimited(AicError):
    """Too many calls; `retry_after` is in seconds, None where the other side did not say."""

    def __init__(self, message: str, next_step: str = "", details: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, next_step, details)
        self.retry_after = retry_after


class Unreachable(AicError):
    """No answer came: the outcome of a call that changes something is then not known."""


class TimedOut(Unreachable):
    """It took longer than it may."""


class NotTrusted(Unreachable):
    """The other side's certificate is not one to trust."""


class BadAnswer(AicError):
    """An answer came that cannot be read: the outcome of a call that changes something is then not known."""


class Refused(AicError):
    """We will not do it: read-only, protected, or not confirmed."""


class Conflict(Refused):
    """Somebody changed the same thing in the meantime."""


class LeaseLost(Refused):
    """Another process holds this work now; whoever gets this stops at once."""


def error_class(kind: str) -> type[AicError]:
    """The class that `kind` names, AicError itself where none does."""
    found = globals().get(kind)
    if isinstance(found, type) and issubclass(found, AicError):
        return found
    return AicError
