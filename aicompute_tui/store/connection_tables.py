"""The table of connections to what answers prompts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Table, Text, UniqueConstraint

from aicompute_tui.store.columns import UtcTime, Words
from aicompute_tui.store.tables import metadata

connections = Table(
    "connections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("model", Text),
    Column("secret_id", Text),
    Column("options", Text, nullable=False),
    Column("flags", Words, nullable=False),
    Column("tags", Words, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("source", Text),
    Column("inactive_reason", Text),
    UniqueConstraint("owner", "name", name="connections_name"),
)
