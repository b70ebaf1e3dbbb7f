"""The first tables: ledger, jobs, records, configuration, surroundings, offers; and the store's identity."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NOT_FINAL = sa.text("state NOT IN ('terminated', 'failed')")


def upgrade() -> None:
    _records()
    _ledger()
    _surroundings()
    _jobs()
    _configuration()
    _offers()


def _key(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), primary_key=True, nullable=False) for name in names]


def _always(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _maybe(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=True) for name in names]


def _records() -> None:
    facts = op.create_table("facts", *_key("key"), *_always(sa.Text(), "value"))
    op.bulk_insert(facts, [{"key": "store_id", "value": str(uuid.uuid4())}])
    counters = op.create_table("counters", *_key("name"), *_always(sa.BigInteger(), "value"))
    op.bulk_insert(counters, [{"name": "changes", "value": 0}])
    op.create_table(
        "changes",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False),
        *_always(sa.Text(), "table_name", "row_id"),
    )
    op.create_table(
        "events",
        *_key("id"),
        *_always(sa.BigInteger(), "position", "at"),
        *_always(sa.Text(), "actor", "kind", "subject_kind", "subject_id", "subject_name", "message", "level"),
        *_always(sa.Text(), "before", "after"),
        sa.UniqueConstraint("position"),
    )
    op.create_index("ix_events_subject_id", "events", ["subject_id"])


def _ledger() -> None:
    op.create_table(
        "instances",
        *_key("id"),
        *_always(sa.Text(), "owner", "created_by", "name", "cloud", "credential_id", "region", "instance_type"),
        *_always(sa.Text(), "market", "framework", "models", "state", "desired_state", "host_id", "spec_json"),
        *_always(sa.BigInteger(), "version", "requested_at", "state_since"),
        *_always(sa.Integer(), "empty_looks", "job_ordinal"),
        *_always(sa.Boolean(), "protected"),
        *_maybe(sa.Text(), "account_id", "zone", "remote_id", "spot_request_id", "gpu_name"),
        *_maybe(sa.Text(), "price_usd_per_hour", "price_source", "end_reason", "public_address", "private_address"),
        *_maybe(sa.Text(), "endpoint", "node_endpoint", "job_id", "error_kind", "error_message"),
        *_maybe(sa.BigInteger(), "gpu_count", "gpu_memory_mib", "settled_nano_usd"),
        *_maybe(sa.BigInteger(), "ttl_seconds", "max_ttl_seconds", "idle_seconds"),
        *_maybe(sa.BigInteger(), "price_as_of", "billing_since", "expires_at", "node_expires_at", "launched_at"),
        *_maybe(sa.BigInteger(), "ready_at", "ended_at", "last_seen_at", "empty_since", "acknowledged_at"),
        sa.UniqueConstraint("job_id", "job_ordinal", name="instances_job"),
    )
    not_final: dict[str, Any] = {"unique": True, "sqlite_where": _NOT_FINAL, "postgresql_where": _NOT_FINAL}
    op.create_index("instances_name", "instances", ["owner", "name"], **not_final)
    op.create_index("instances_remote", "instances", ["cloud", "account_id", "region", "remote_id"], **not_final)
    op.create_index("instances_state", "instances", ["state", "ended_at"])
    op.create_index("instances_remote_id", "instances", ["remote_id"])
    op.create_table(
        "attempts",
        *_key("id"),
        sa.Column("instance_id", sa.Text(), sa.ForeignKey("instances.id"), nullable=False),
        *_always(sa.Integer(), "number"),
        *_always(sa.Text(), "client_token", "state"),
        *_maybe(sa.Text(), "zone", "subnet_id", "error_kind", "error_message"),
        *_always(sa.BigInteger(), "written_at"),
        *_maybe(sa.BigInteger(), "ended_at"),
        sa.UniqueConstraint("client_token"),
        sa.UniqueConstraint("instance_id", "number", name="attempts_number"),
    )
    op.create_index("ix_attempts_instance_id", "attempts", ["instance_id"])


def _surroundings() -> None:
    op.create_table(
        "sightings",
        *_key("cloud", "account_id", "region", "remote_id"),
        *_always(sa.Text(), "ownership", "credential_id", "store_id", "owner", "name", "instance_type"),
        *_always(sa.Text(), "market", "state"),
        *_maybe(sa.Text(), "zone", "expires_at", "price_usd_per_hour"),
        *_maybe(sa.BigInteger(), "launched_at"),
        *_always(sa.BigInteger(), "first_seen_at", "last_seen_at"),
    )
    op.create_table(
        "tunnels",
        sa.Column("instance_id", sa.Text(), sa.ForeignKey("instances.id"), primary_key=True, nullable=False),
        *_key("host_id"),
        *_always(sa.Integer(), "local_port"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        *_key("id"),
        *_always(sa.Text(), "owner", "created_by", "action_id", "parameters_json", "state", "progress"),
        *_always(sa.BigInteger(), "version", "fence", "created_at"),
        *_always(sa.Boolean(), "cancel_requested"),
        *_maybe(sa.Text(), "subject", "result_json", "error_kind", "error_message", "error_next_step"),
        *_maybe(sa.Text(), "host_id", "credential_id", "holder"),
        *_maybe(sa.BigInteger(), "lease_expires_at", "started_at", "ended_at"),
    )
    for column in ("state", "subject", "created_at", "ended_at"):
        op.create_index(f"ix_jobs_{column}", "jobs", [column])
    op.create_table(
        "leases", *_key("name"), *_always(sa.Text(), "holder"), *_always(sa.BigInteger(), "fence", "expires_at")
    )


def _configuration() -> None:
    def origin() -> list[sa.Column[Any]]:
        return [*_always(sa.Text(), "owner", "created_by"), *_always(sa.BigInteger(), "version")]

    op.create_table("settings", *_key("key"), *_always(sa.Text(), "value"), *origin())
    op.create_table("secrets", *_key("name"), *_always(sa.LargeBinary(), "token"), *origin())
    op.create_table(
        "credentials",
        *_key("id"),
        *_always(sa.Text(), "cloud", "name", "method"),
        *_maybe(sa.Text(), "profile", "region", "account_id", "arn", "error_kind", "error_message"),
        *_maybe(sa.BigInteger(), "checked_at"),
        *origin(),
    )


def _offers() -> None:
    op.create_table(
        "offer_feeds",
        *_key("feed"),
        *_always(sa.Text(), "source"),
        *_maybe(sa.BigInteger(), "as_of"),
        *_always(sa.BigInteger(), "size"),
    )
    op.create_table(
        "offer_columns",
        sa.Column("feed", sa.Text(), sa.ForeignKey("offer_feeds.feed"), primary_key=True, nullable=False),
        *_key("name"),
        *_always(sa.Text(), "typecode", "words"),
        *_always(sa.LargeBinary(), "codes"),
    )
