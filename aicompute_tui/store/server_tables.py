"""The tables of model servers: what was added, what each last said of itself, and its figures over time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, Table, Text, UniqueConstraint

from aicompute_tui.store.columns import UtcTime, Words
from aicompute_tui.store.tables import metadata

servers = Table(
    "servers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("source", Text),
    Column("inactive_reason", Text),
    Column("secret_id", Text),
    Column("options", Text, nullable=False),
    Column("tags", Words, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("owner", "name", name="servers_name"),
)

server_reports = Table(
    "server_reports",
    metadata,
    Column("server_id", Text, primary_key=True),
    Column("read_at", UtcTime),
    Column("server_version", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("figures", Text, nullable=False),
)

server_samples = Table(
    "server_samples",
    metadata,
    Column("server_id", Text, primary_key=True),
    Column("span_seconds", Integer, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("requests_running", Float),
    Column("requests_waiting", Float),
    Column("cache_share", Float),
    Column("tokens_per_second", Float),
    Column("first_token_seconds", Float),
    Column("memory_used_bytes", Float),
    Column("memory_total_bytes", Float),
)
