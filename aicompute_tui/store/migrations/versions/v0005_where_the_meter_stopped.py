"""When a machine last stopped to cost, which is not when its row ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("billed_until", sa.BigInteger(), nullable=True))
