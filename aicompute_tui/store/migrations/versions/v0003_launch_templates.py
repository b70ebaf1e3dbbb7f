"""Launches kept by a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "launch_templates",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("owner", "created_by")),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "arguments_json")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "saved_at")),
        sa.UniqueConstraint("owner", "name", name="launch_templates_name"),
    )
