"""What the price explorer is narrowed to by a key: one cloud, one GPU, one market."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aicompute_tui.domain.json import Json
from aicompute_tui.ui.offer_sheet import ON_DEMAND, SPOT, OfferSheet

_MARKETS = ("", SPOT, ON_DEMAND)


class Facets(NamedTuple):
    """Empty where it is not narrowed."""

    cloud: str = ""
    gpu_name: str = ""
    market: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for word in (self.cloud, self.gpu_name, self.market) if word)

    def turned(self, name: str, word: str) -> Facets:
        """To that word, or back to all where it is narrowed already."""
        if name == "cloud":
            return self._replace(cloud="" if self.cloud else word)
        return self._replace(gpu_name="" if self.gpu_name else word)

    def next_market(self) -> Facets:
        return self._replace(market=_MARKETS[(_MARKETS.index(self.market) + 1) % len(_MARKETS)])

    def masks(self, sheet: OfferSheet) -> list[bytes]:
        named = (("cloud", self.cloud), ("gpu_name", self.gpu_name))
        return [sheet.same(name, word) for name, word in named if word]


def wanted(arguments: Mapping[str, Json]) -> tuple[Facets, str]:
    """The arguments of `price list` as facets, and the rest of them as a filter."""
    clouds, market = arguments.get("cloud"), str(arguments.get("market") or "")
    named = [str(each).lower() for each in clouds] if isinstance(clouds, list) else [str(clouds or "").lower()]
    priced = {SPOT: "spot", ON_DEMAND: "list"}.get(market, "price")
    terms = [
        f'"{value}"' if " " in str(value) else f"{name}{operator}{value}"
        for name, operator, value in (
            ("gpu", ":", arguments.get("gpu")),
            ("region", ":", arguments.get("region")),
            ("type", ":", arguments.get("type")),
            ("arch", ":", arguments.get("arch")),
            (priced, "<=", arguments.get("most")),
            ("vram", ">=", arguments.get("vram")),
            ("count", "=", arguments.get("gpu_count")),
        )
        if value not in (None, "", [])
    ]
    return Facets(cloud=named[0] if len(named) == 1 else "", market=market), " ".join(terms)
