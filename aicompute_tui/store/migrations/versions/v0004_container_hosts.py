"""Container hosts: what was added, how each answers, and the containers seen there last."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _hosts()
    _reports()
    _containers()


def _columns(kind: sa.types.TypeEngine[Any], *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]


def _host_key() -> sa.Column[Any]:
    return sa.Column("host_id", sa.Text(), sa.ForeignKey("hosts.id"), primary_key=True, nullable=False)


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        *_columns(sa.Text(), "owner", "created_by"),
        *_columns(sa.BigInteger(), "version"),
        *_columns(sa.Text(), "name", "kind", "url"),
        *_columns(sa.Text(), "tls_ca", "tls_cert", "tls_key", "tls_pin", "ssh_key", nullable=True),
        *_columns(sa.Integer(), "environment", nullable=True),
        *_columns(sa.Text(), "address", nullable=True),
        *_columns(sa.Text(), "kept_by"),
        *_columns(sa.BigInteger(), "created_at"),
        sa.UniqueConstraint("owner", "name", name="hosts_name"),
    )


def _reports() -> None:
    op.create_table(
        "host_reports",
        _host_key(),
        *_columns(sa.Text(), "state"),
        *_columns(sa.BigInteger(), "read_at", "since", nullable=True),
        *_columns(sa.Text(), "problem_kind", "problem", "next_step", "facts"),
    )


def _containers() -> None:
    op.create_table(
        "containers",
        _host_key(),
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        *_columns(sa.Text(), "name", "image", "image_id", "command", "state", "health"),
        *_columns(sa.Integer(), "exit_code", nullable=True),
        *_columns(sa.Boolean(), "is_out_of_memory"),
        *_columns(sa.Text(), "error"),
        *_columns(sa.Integer(), "restart_count", nullable=True),
        *_columns(sa.Text(), "restart_policy"),
        *_columns(sa.BigInteger(), "created_at", "started_at", "finished_at", nullable=True),
        *_columns(sa.Text(), "ports", "gpus"),
        *_columns(sa.Boolean(), "has_terminal", nullable=True),
        *_columns(sa.Text(), "labels", "project"),
        *_columns(sa.Boolean(), "is_inspected"),
    )
