"""What machines cost, as the console reads it: from the file the agent writes, else as it ships with the program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.store.offer_files import offers_file, read_offers

if TYPE_CHECKING:
    from aicompute_tui.domain.offer_table import OfferTable

_Stamp = tuple[int, int]


class KnownOffers:
    """Blocking: ask it in a thread. The same table is answered until its file was written anew."""

    def __init__(self, cache_folder: Path) -> None:
        self._folder = cache_folder
        self._held: tuple[_Stamp | None, OfferTable] | None = None

    def read(self) -> OfferTable:
        stamp = self._stamp()
        if self._held is None or self._held[0] != stamp:
            table = read_offers(self._folder) if stamp is not None else None
            self._held = stamp, table if table is not None else _shipped()
        return self._held[1]

    def _stamp(self) -> _Stamp | None:
        try:
            status = offers_file(self._folder).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def _shipped() -> OfferTable:
    from aicompute_tui.services.offers import shipped_table

    return shipped_table()
