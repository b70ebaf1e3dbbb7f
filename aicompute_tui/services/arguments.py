"""Reading a handler's arguments: every value checked once, with a sentence where it does not fit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.services.context import Arguments


def text(arguments: Arguments, name: str) -> str | None:
    """The stripped text, None where it is absent or empty."""
    value = arguments.get(name)
    if value is None:
        return None
    return str(value).strip() or None


def required_text(arguments: Arguments, name: str) -> str:
    value = text(arguments, name)
    if value is None:
        raise InvalidInput(f"“{name.replace('_', '-')}” is missing.", "Give it.")
    return value


def flag(arguments: Arguments, name: str) -> bool:
    value = arguments.get(name)
    return value if isinstance(value, bool) else str(value or "").lower() in {"1", "true", "yes", "on"}


def integer(arguments: Arguments, name: str, *, least: int, most: int) -> int | None:
    value = text(arguments, name)
    if value is None:
        return None
    try:
        number = int(value)
    except ValueError:
        raise InvalidInput(f"“{value}” is not a whole number ({name}).", "Give a number.") from None
    if not least <= number <= most:
        raise InvalidInput(f"{name} must lie between {least} and {most}, not {number}.", "Give another number.")
    return number


def price(arguments: Arguments, name: str) -> Decimal | None:
    """USD per hour. Raises InvalidInput for anything but a positive number."""
    value = text(arguments, name)
    if value is None:
        return None
    try:
        amount = Decimal(value.removeprefix("$"))
    except InvalidOperation:
        raise InvalidInput(f"“{value}” is not a price.", "Write it like 0.52.") from None
    if not amount.is_finite() or not 0 < amount < 100_000:
        raise InvalidInput(f"“{value}” is not a price per hour.", "Give USD per hour above 0.")
    return amount


def texts(arguments: Arguments, name: str) -> tuple[str, ...]:
    """All values of a repeatable parameter; one text counts as one value."""
    value = arguments.get(name)
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        return tuple(str(item).strip() for item in value if str(item).strip())
    return (str(value).strip(),)


def duration_or_none(value: str, name: str) -> int | None:
    """Seconds, None for the word `none`."""
    if value.strip().lower() == "none":
        return None
    try:
        return parse_duration(value)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error.message}", error.next_step) from None
