"""The tables of quotas: what each was read as last, and what was asked for more."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.quota import RequestState
from aicompute_tui.store.columns import UtcTime, Word
from aicompute_tui.store.tables import metadata

quotas = Table(
    "quotas",
    metadata,
    Column("cloud", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("market", Word(Market), primary_key=True),
    Column("family", Text, primary_key=True),
    Column("credential_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("code", Text),
    Column("limit_vcpus", BigInteger),
    Column("used_vcpus", BigInteger),
    Column("own_vcpus", BigInteger),
    Column("note", Text, nullable=False),
    Column("read_at", UtcTime),
    Column("asked_at", UtcTime, nullable=False),
)

quota_requests = Table(
    "quota_requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("cloud", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("market", Word(Market), nullable=False),
    Column("family", Text, nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("desired_vcpus", BigInteger, nullable=False),
    Column("state", Word(RequestState), nullable=False),
    Column("case_id", Text),
    Column("asked_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
)
Index("quota_requests_by_time", quota_requests.c.created_at)
