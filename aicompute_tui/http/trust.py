"""Whose certificates are trusted: made once, since reading them all takes longer than a whole question."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from aicompute_tui.domain.errors import NotTrusted


def trust(tls_ca: str | None) -> ssl.SSLContext:
    """The usual ones, and those in the file `tls_ca`. Raises NotTrusted where that cannot be read."""
    if tls_ca is None:
        return _usual()
    try:
        return _with(tls_ca, Path(tls_ca).stat().st_mtime_ns)
    except (OSError, ssl.SSLError):
        step = "Give a file with certificates in PEM form with --tls-ca."
        raise NotTrusted(f"The certificates in {tls_ca} cannot be read.", step) from None


@lru_cache(1)
def _usual() -> ssl.SSLContext:
    import httpx  # its bundle is the one that all other calls trust

    return httpx.create_ssl_context()


@lru_cache(64)
def _with(tls_ca: str, changed_at: int) -> ssl.SSLContext:  # noqa: ARG001 - another moment is another file
    context = ssl.create_default_context()
    context.load_verify_locations(tls_ca)
    return context
