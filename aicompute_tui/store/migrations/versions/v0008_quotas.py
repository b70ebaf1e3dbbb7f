"""What quotas were read as, and what was asked for more of them; offers lie in the cache and no more in tables."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quotas",
        *_texts("cloud", "account_id", "region", "market", "family", is_key=True),
        *_texts("credential_id", "name"),
        sa.Column("code", sa.Text(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("limit_vcpus", "used_vcpus", "own_vcpus")),
        *_texts("note"),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "quota_requests",
        *_texts("id", is_key=True),
        *_texts("cloud", "account_id", "region", "market", "family", "credential_id", "code", "name"),
        sa.Column("desired_vcpus", sa.BigInteger(), nullable=False),
        *_texts("state"),
        sa.Column("case_id", sa.Text(), nullable=True),
        *_texts("asked_by"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "updated_at")),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("quota_requests_by_time", "quota_requests", ["created_at"])
    op.drop_table("offer_columns")
    op.drop_table("offer_feeds")


def _texts(*names: str, is_key: bool = False) -> Iterator[sa.Column[str]]:
    return (sa.Column(name, sa.Text(), primary_key=is_key, nullable=False) for name in names)
