"""The tables of calls to connections: each call without its words, and sums by the hour."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text

from aicompute_tui.domain.call import Operation
from aicompute_tui.domain.caller import Caller
from aicompute_tui.store.columns import UtcTime, Word
from aicompute_tui.store.tables import metadata

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("connection_name", Text, nullable=False),
    Column("caller", Word(Caller), nullable=False),
    Column("operation", Word(Operation), nullable=False),
    Column("model", Text, nullable=False),
    Column("is_ok", Boolean, nullable=False),
    Column("problem_kind", Text, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_nano_usd", BigInteger),
    Column("first_token_microseconds", BigInteger),
    Column("total_microseconds", BigInteger),
    Index("calls_by_connection", "connection_id", "at"),
    Index("calls_by_time", "at"),
)

call_hours = Table(
    "call_hours",
    metadata,
    Column("connection_id", Text, primary_key=True),
    Column("caller", Word(Caller), primary_key=True),
    Column("operation", Word(Operation), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("connection_name", Text, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("failed_calls", BigInteger, nullable=False),
    Column("unpriced_calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("total_microseconds", BigInteger, nullable=False),
)
