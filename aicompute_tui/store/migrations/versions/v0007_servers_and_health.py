"""Model servers, how they and connections answer, what each call used, and where a connection came from."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("connections") as table:
        table.add_column(sa.Column("description", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("source", sa.Text(), nullable=True))
        table.add_column(sa.Column("inactive_reason", sa.Text(), nullable=True))
    op.create_table(
        "servers",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        *_texts("owner", "created_by"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *_texts("name", "kind", "base_url"),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("source", "inactive_reason", "secret_id")),
        *_texts("options", "tags"),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("owner", "name", name="servers_name"),
    )
    op.create_table(
        "server_reports",
        sa.Column("server_id", sa.Text(), primary_key=True, nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        *_texts("server_version", "models", "figures"),
    )
    op.create_table(
        "server_samples",
        *_sample_key("server_id"),
        *(sa.Column(name, sa.Float(), nullable=True) for name in _FIGURES),
    )
    _health_tables()
    _call_tables()


def _health_tables() -> None:
    op.create_table(
        "health_reports",
        sa.Column("target_id", sa.Text(), primary_key=True, nullable=False),
        *_texts("target_kind", "state"),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("since", "checked_at", "latency_microseconds")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("failures", "successes")),
        *_texts("problem_kind", "problem", "next_step"),
        sa.Column("is_held_back", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "health_samples",
        *_sample_key("target_id"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("checks", "failed_checks")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("latency_microseconds", "slowest_microseconds")),
    )


def _call_tables() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *_texts("connection_id", "connection_name", "caller", "operation", "model"),
        sa.Column("is_ok", sa.Boolean(), nullable=False),
        *_texts("problem_kind"),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in _COUNTS),
        *(sa.Column(f"{name}_microseconds", sa.BigInteger(), nullable=True) for name in ("first_token", "total")),
    )
    op.create_index("calls_by_connection", "calls", ["connection_id", "at"])
    op.create_index("calls_by_time", "calls", ["at"])
    op.create_table(
        "call_hours",
        *(
            sa.Column(name, sa.Text(), primary_key=True, nullable=False)
            for name in ("connection_id", "caller", "operation", "model")
        ),
        sa.Column("at", sa.BigInteger(), primary_key=True, nullable=False),
        *_texts("connection_name"),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("calls", "failed_calls", "unpriced_calls", *_COUNTS, "total_microseconds")
        ),
    )


_FIGURES = (
    "requests_running",
    "requests_waiting",
    "cache_share",
    "tokens_per_second",
    "first_token_seconds",
    "memory_used_bytes",
    "memory_total_bytes",
)
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_nano_usd")


def _texts(*names: str) -> Iterator[sa.Column[str]]:
    return (sa.Column(name, sa.Text(), nullable=False) for name in names)


def _sample_key(subject: str) -> Iterator[sa.Column[object]]:
    yield sa.Column(subject, sa.Text(), primary_key=True, nullable=False)
    yield sa.Column("span_seconds", sa.Integer(), primary_key=True, nullable=False)
    yield sa.Column("at", sa.BigInteger(), primary_key=True, nullable=False)
