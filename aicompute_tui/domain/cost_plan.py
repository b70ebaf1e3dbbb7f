"""What machines for some hours a day, and tokens, come to in a month: the least and the most they may."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from aicompute_tui.domain.money import HOURS_PER_MONTH, usd_from_nano
from aicompute_tui.domain.token_prices import TokenPrices

_DAY = 24
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    name: str
    what: str
    machine_type: str
    machines: int
    hours_per_day: Decimal

    @property
    def machine_hours(self) -> Decimal:
        """In a month of 730 hours, all machines together."""
        return self.machines * self.hours_per_day * HOURS_PER_MONTH / _DAY


PLANS: tuple[Plan, ...] = (
    Plan(
        name="minimal", what="tries a model of 7 to 8 billion parameters now and then",
        machine_type="g4dn.xlarge", machines=1, hours_per_day=Decimal(1),
    ),
    Plan(
        name="light", what="one person with a model of 8 billion parameters, some hours a day",
        machine_type="g5.xlarge", machines=1, hours_per_day=Decimal(4),
    ),
    Plan(
        name="medium", what="a small team with a model of 14 to 32 billion parameters, a working day",
        machine_type="g6e.xlarge", machines=1, hours_per_day=Decimal(8),
    ),
    Plan(
        name="heavy", what="a model of 70 billion parameters in 4 bits, day and night",
        machine_type="g5.12xlarge", machines=1, hours_per_day=Decimal(24),
    ),
    Plan(
        name="parallel", what="four models of 8 billion parameters side by side, a working day",
        machine_type="g5.xlarge", machines=4, hours_per_day=Decimal(8),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """The least and the most in USD; None where that is not known, which is never nothing."""

    low: Decimal | None
    high: Decimal | None

    def __add__(self, other: Span) -> Span:
        return Span(_sum(self.low, other.low), _sum(self.high, other.high))

    def times(self, count: Decimal) -> Span:
        low, high = self.low, self.high
        return Span(None if low is None else low * count, None if high is None else high * count)


NOTHING = Span(Decimal(0), Decimal(0))


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def tokens_span(tokens: int, prices: TokenPrices | None) -> Span:
    """How many of them are written is not known beforehand: the least is all read, the most all written."""
    if prices is None:
        return Span(None, None)
    read, made = prices.input_nano_usd, prices.output_nano_usd
    each = sorted((read, read if made is None else made))
    low, high = (usd_from_nano(nano) * tokens / _MILLION for nano in each)
    return Span(low, high)
