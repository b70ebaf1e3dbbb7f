"""What machines say about themselves: reports, GPU samples, times of set-ups; tunnels by port; logins."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("login", sa.Text(), nullable=True))
    op.add_column("instances", sa.Column("awake_until", sa.BigInteger(), nullable=True))
    _tunnels()
    _reports()
    _samples()
    _setup_times()


def _instance_key() -> sa.Column[Any]:
    return sa.Column("instance_id", sa.Text(), sa.ForeignKey("instances.id"), primary_key=True, nullable=False)


def _columns(kind: sa.types.TypeEngine[Any], *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]


def _keys(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, primary_key=True, nullable=False, autoincrement=False) for name in names]


def _tunnels() -> None:
    """Nothing has written tunnels before."""
    op.drop_table("tunnels")
    op.create_table(
        "tunnels",
        _instance_key(),
        *_keys(sa.Text(), "host_id"),
        *_keys(sa.Integer(), "remote_port"),
        *_columns(sa.Integer(), "local_port"),
        *_columns(sa.Boolean(), "is_endpoint"),
        *_columns(sa.Text(), "state", "problem"),
    )


def _reports() -> None:
    op.create_table(
        "node_reports",
        _instance_key(),
        *_columns(sa.Text(), "host_id"),
        *_columns(sa.BigInteger(), "read_at", nullable=True),
        *_columns(sa.Text(), "link", "problem_kind", "problem", "next_step"),
        *_columns(sa.Text(), "steps", "activity", "gpus", "gpu_problem"),
        *_columns(sa.BigInteger(), "idle_since", "idle_ends_at", nullable=True),
        *_columns(sa.Float(), "clock_off_seconds", nullable=True),
    )


def _samples() -> None:
    op.create_table(
        "gpu_samples",
        _instance_key(),
        *_keys(sa.Integer(), "span_seconds", "gpu_index"),
        *_keys(sa.BigInteger(), "at"),
        *_columns(sa.Float(), "utilisation_percent", "memory_used_mib", "memory_total_mib", nullable=True),
        *_columns(sa.Float(), "temperature_celsius", "power_watts", nullable=True),
    )
    op.create_index("gpu_samples_age", "gpu_samples", ["span_seconds", "at"])


def _setup_times() -> None:
    op.create_table(
        "setup_times",
        _instance_key(),
        *_keys(sa.Text(), "stage", "name"),
        *_columns(sa.Text(), "instance_type", "framework"),
        *_columns(sa.Integer(), "seconds"),
        *_columns(sa.BigInteger(), "at"),
    )
    op.create_index("setup_times_kind", "setup_times", ["framework", "stage", "name"])
