"""The hard monthly cap: month to date, plus price × remaining TTL of everything that runs, plus what is asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from aicompute_tui.domain.errors import BudgetExceeded, InvalidInput
from aicompute_tui.domain.launch import Check, LaunchSpec, Verdict
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.domain.offer import PriceQuote
from aicompute_tui.domain.spend import Spend, committed_nano_usd, month_start, spend
from aicompute_tui.services.context import Context
from aicompute_tui.store.database import Transaction


def monthly_cap_usd(context: Context) -> Decimal | None:
    """None where no cap is set. Raises InvalidInput for a cap that is no amount."""
    value = context.preferences.text("monthly_cap_usd").strip().removeprefix("$")
    if not value:
        return None
    try:
        cap = Decimal(value)
    except InvalidOperation:
        raise InvalidInput(f"The monthly cap “{value}” is not an amount.", "Set monthly_cap_usd to dollars.") from None
    if not cap.is_finite() or cap < 0:
        raise InvalidInput(f"The monthly cap “{value}” is not an amount.", "Set monthly_cap_usd to dollars.")
    return cap


async def current_spend(context: Context, transaction: Transaction) -> Spend:
    now = context.clock.now()
    rows = await transaction.instances.list(include_final=True, ended_since=month_start(now))
    return spend(rows, now)


async def check_cap(
    context: Context, transaction: Transaction, spec: LaunchSpec, quote: PriceQuote | None, count: int
) -> Check:
    """The verdict as the store stands in `transaction`; in a write transaction it cannot change before the commit."""
    cap = monthly_cap_usd(context)
    if cap is None:
        return Check(name="budget", verdict=Verdict.OK, reason="no monthly cap is set")
    present = await current_spend(context, transaction)
    used = usd_from_nano(present.total_nano_usd)
    asked = None if quote is None else _asked_usd(spec, quote, context.clock.now()) * count
    said = "an unknown price" if asked is None else f"${asked:.2f}"
    reason = f"${used:.2f} spent and promised this month + {said} for this launch, of ${cap:.2f}"
    if present.unpriced_count:
        reason += f"; {present.unpriced_count} machines of unknown price are not counted"
    if used + (asked or 0) > cap or (asked is None and used >= cap):
        step = "Shorten --ttl, end another machine, or raise monthly_cap_usd with `aic-tui setting set`."
        return Check(
            name="budget",
            verdict=Verdict.REFUSED,
            reason=f"The monthly cap would be passed: {reason}.",
            next_step=step,
            error_kind="BudgetExceeded",
        )
    is_known = asked is not None and not present.unpriced_count
    return Check(name="budget", verdict=Verdict.OK if is_known else Verdict.UNKNOWN, reason=reason)


def _asked_usd(spec: LaunchSpec, quote: PriceQuote, now: datetime) -> Decimal:
    """What one machine costs until its end."""
    end = None if spec.ttl_seconds is None else now + timedelta(seconds=spec.ttl_seconds)
    return usd_from_nano(committed_nano_usd(quote.usd_per_hour, end, now))


async def budget_check(context: Context, spec: LaunchSpec, quote: PriceQuote | None, count: int) -> Check:
    async with context.store.read() as transaction:
        return await check_cap(context, transaction, spec, quote, count)


async def reserve(
    context: Context, transaction: Transaction, spec: LaunchSpec, quote: PriceQuote | None, count: int
) -> None:
    """Raises BudgetExceeded unless the cap still holds; the rows inserted in `transaction` then count against it."""
    check = await check_cap(context, transaction, spec, quote, count)
    if check.verdict is Verdict.REFUSED:
        raise BudgetExceeded(check.reason, check.next_step)
