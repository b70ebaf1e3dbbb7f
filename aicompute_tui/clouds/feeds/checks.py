"""What a feed's figures must be before they are believed, and what of them is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.price_feed import is_about

MOST_OF_ON_DEMAND = Decimal("1.5")
"""No spot price above so many times the on-demand price is believed."""
_LEAST_USD, _MOST_USD = Decimal("0.0001"), Decimal(10_000)
_BAD_SHARE = 0.2
_SHRUNK_TO = 0.5
_FEW = 20
"""So few offers may come and go."""
_LAST_GOOD = "The last good prices stay; ask again later."
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}")
_AWS_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")


@dataclass(slots=True)
class Sieve:
    """Counts what is left out of one feed, by reason."""

    title: str
    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def drop(self, reason: str) -> None:
        self.left_out[reason] += 1

    def words(self) -> str:
        """Empty where everything was taken."""
        return "; ".join(f"{reason}: {count}" for reason, count in sorted(self.left_out.items()))


def amount(text: object) -> Decimal | None:
    """A price above nothing; anything else, what rounds to nothing, words and endless numbers included, is none."""
    try:
        value = Decimal(str(text).strip().removeprefix("$"))
    except InvalidOperation:
        return None
    return value if value.is_finite() and _LEAST_USD <= value < _MOST_USD else None


def is_aws_place(region: str, machine_type: str) -> bool:
    return bool(_REGION.fullmatch(region)) and bool(_AWS_TYPE.fullmatch(machine_type))


def believed(offers: Iterable[ListedOffer], sieve: Sieve) -> list[ListedOffer]:
    """Without spot prices far above on-demand."""
    found = []
    for offer in offers:
        spot, on_demand = offer.spot_usd_per_hour, offer.on_demand_usd_per_hour
        if spot is not None and on_demand is not None and spot > on_demand * MOST_OF_ON_DEMAND:
            sieve.drop("spot prices above 1.5 × on-demand")
            found.append(replace(offer, spot_usd_per_hour=None, zone=""))
        else:
            found.append(offer)
    sieve.taken = len(found)
    return found


class TooFew(BadAnswer):
    """Most of what a feed had is gone; how many are left tells whether it says the same again."""

    def __init__(self, title: str, offers: int, known_offers: int) -> None:
        super().__init__(f"{title} has only {offers} offers, where it had {known_offers}.", _LAST_GOOD)
        self.offers = offers


def check(sieve: Sieve, known_offers: int, proven_offers: int = 0) -> None:
    """Raises BadAnswer for a feed too much of which is nonsense, TooFew where more is gone than is proven."""
    if not sieve.taken:
        zeros = sieve.left_out["prices of nothing"]
        what = f"holds {zeros} prices of nothing and no other" if zeros else "holds no price of a GPU machine"
        raise BadAnswer(f"{sieve.title} {what}.", _LAST_GOOD)
    for reason, count in sorted(sieve.left_out.items()):
        if reason in _GRAVE and count > _BAD_SHARE * (sieve.taken + count) and count > 1:
            raise BadAnswer(f"{sieve.title} is not to be believed: {count} {reason} beside {sieve.taken} good ones.",
                            _LAST_GOOD)  # fmt: skip
    is_proven = proven_offers > 0 and is_about(sieve.taken, proven_offers)
    if known_offers > _FEW and sieve.taken < known_offers * _SHRUNK_TO and not is_proven:
        raise TooFew(sieve.title, sieve.taken, known_offers)


_GRAVE = frozenset(
    {"prices of nothing", "spot prices above 1.5 × on-demand", "places of no known form", "lines that cannot be read"}
)


def check_age(title: str, as_of: datetime | None, frozen_after: timedelta | None, now: datetime) -> None:
    """Raises BadAnswer for figures so old that nobody can be renewing them."""
    if as_of is None or frozen_after is None or now - as_of <= frozen_after:
        return
    days, hours = (now - as_of).days, int((now - as_of).total_seconds() // 3600)
    age = f"{days} days" if days > 2 else f"{hours} hours"
    raise BadAnswer(f"{title} is frozen: its prices are {age} old.", _LAST_GOOD)
