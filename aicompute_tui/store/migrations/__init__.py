"""Brings the tables of a database to this program's version; the only place that imports Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from aicompute_tui.store.engine import set_schema_version
from aicompute_tui.store.schema import SCHEMA_VERSION

SCRIPTS = Path(__file__).resolve().parent


def upgrade(connection: Connection) -> None:
    """Inside the caller's transaction: either all of it stands, version included, or nothing."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    set_schema_version(connection, SCHEMA_VERSION)
