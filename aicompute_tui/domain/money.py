"""Money: integer nano-dollars for amounts, Decimal dollars per hour for prices."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal

NANO_PER_USD = 1_000_000_000
HOURS_PER_MONTH = 730


def nano_from_usd(usd: Decimal) -> int:
    """Whole nano-dollars, rounded half to even."""
    return int((usd * NANO_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN))


def usd_from_nano(nano_usd: int) -> Decimal:
    return Decimal(nano_usd) / NANO_PER_USD


def accrued_nano_usd(price_usd_per_hour: Decimal, duration: timedelta) -> int:
    """What `duration` costs at a price per hour; nothing for a negative duration."""
    microseconds = max(0, duration // timedelta(microseconds=1))
    return nano_from_usd(price_usd_per_hour * microseconds / Decimal(3_600_000_000))
