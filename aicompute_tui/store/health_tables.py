"""The tables of how connections and model servers answer: the newest report of each, and its checks over time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text

from aicompute_tui.domain.health import HealthState, TargetKind
from aicompute_tui.store.columns import UtcTime, Word
from aicompute_tui.store.tables import metadata

health_reports = Table(
    "health_reports",
    metadata,
    Column("target_id", Text, primary_key=True),
    Column("target_kind", Word(TargetKind), nullable=False),
    Column("state", Word(HealthState), nullable=False),
    Column("since", UtcTime),
    Column("checked_at", UtcTime),
    Column("latency_microseconds", BigInteger),
    Column("failures", Integer, nullable=False),
    Column("successes", Integer, nullable=False),
    Column("problem_kind", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("is_held_back", Boolean, nullable=False),
)

health_samples = Table(
    "health_samples",
    metadata,
    Column("target_id", Text, primary_key=True),
    Column("span_seconds", Integer, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("checks", Integer, nullable=False),
    Column("failed_checks", Integer, nullable=False),
    Column("latency_microseconds", BigInteger),
    Column("slowest_microseconds", BigInteger),
)
