"""What every test shares: the embedded cloud. `tests.needs` says how a test asks for a service."""

from __future__ import annotations

from tests.world import world, world_server

__all__ = ["world", "world_server"]
