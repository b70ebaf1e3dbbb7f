"""The tables of the store and the one place where a row becomes a domain model and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from aicompute_tui.domain.instance import DesiredState, InstanceState, Market
from aicompute_tui.domain.job import JobState
from aicompute_tui.domain.launch import AttemptState
from aicompute_tui.domain.node import LinkState, SetupStage, TunnelState
from aicompute_tui.domain.remote import Ownership, RemoteState
from aicompute_tui.store.columns import ExactDecimal, UtcTime, Word, WordMap, Words

metadata = MetaData()
Model = TypeVar("Model")

NOT_FINAL = text("state NOT IN ('terminated', 'failed')")
"""The condition of the partial unique indexes: what has ended no longer claims a name or a remote id."""

facts = Table("facts", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

counters = Table(
    "counters", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False)
)

instances = Table(
    "instances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("cloud", Text, nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("account_id", Text),
    Column("region", Text, nullable=False),
    Column("zone", Text),
    Column("remote_id", Text),
    Column("spot_request_id", Text),
    Column("instance_type", Text, nullable=False),
    Column("market", Word(Market), nullable=False),
    Column("gpu_name", Text),
    Column("gpu_count", BigInteger),
    Column("gpu_memory_mib", BigInteger),
    Column("framework", Text, nullable=False),
    Column("models", Words, nullable=False),
    Column("state", Word(InstanceState), nullable=False),
    Column("desired_state", Word(DesiredState), nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("price_usd_per_hour", ExactDecimal),
    Column("price_source", Text),
    Column("price_as_of", UtcTime),
    Column("settled_nano_usd", BigInteger),
    Column("billing_since", UtcTime),
    Column("billed_until", UtcTime),
    Column("ttl_seconds", BigInteger),
    Column("max_ttl_seconds", BigInteger),
    Column("idle_seconds", BigInteger),
    Column("expires_at", UtcTime),
    Column("node_expires_at", UtcTime),
    Column("requested_at", UtcTime, nullable=False),
    Column("launched_at", UtcTime),
    Column("ready_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("end_reason", Text),
    Column("state_since", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime),
    Column("empty_looks", Integer, nullable=False),
    Column("empty_since", UtcTime),
    Column("acknowledged_at", UtcTime),
    Column("public_address", Text),
    Column("private_address", Text),
    Column("login", Text),
    Column("awake_until", UtcTime),
    Column("endpoint", Text),
    Column("node_endpoint", Text),
    Column("host_id", Text, nullable=False),
    Column("job_id", Text),
    Column("job_ordinal", Integer, nullable=False),
    Column("spec_json", Text, nullable=False),
    Column("error_kind", Text),
    Column("error_message", Text),
    UniqueConstraint("job_id", "job_ordinal", name="instances_job"),
)
Index(
    "instances_name",
    instances.c.owner,
    instances.c.name,
    unique=True,
    sqlite_where=NOT_FINAL,
)
Index(
    "instances_remote",
    instances.c.cloud,
    instances.c.account_id,
    instances.c.region,
    instances.c.remote_id,
    unique=True,
    sqlite_where=NOT_FINAL,
)
Index("instances_state", instances.c.state, instances.c.ended_at)
Index("instances_remote_id", instances.c.remote_id)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("instance_id", Text, ForeignKey("instances.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("zone", Text),
    Column("subnet_id", Text),
    Column("client_token", Text, nullable=False, unique=True),
    Column("state", Word(AttemptState), nullable=False),
    Column("error_kind", Text),
    Column("error_message", Text),
    Column("written_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    UniqueConstraint("instance_id", "number", name="attempts_number"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("action_id", Text, nullable=False),
    Column("parameters_json", Text, nullable=False),
    Column("subject", Text, index=True),
    Column("state", Word(JobState), nullable=False, index=True),
    Column("progress", Text, nullable=False),
    Column("result_json", Text),
    Column("error_kind", Text),
    Column("error_message", Text),
    Column("error_next_step", Text),
    Column("host_id", Text),
    Column("credential_id", Text),
    Column("holder", Text),
    Column("lease_expires_at", UtcTime),
    Column("fence", BigInteger, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False, index=True),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime, index=True),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False, index=True),
    Column("subject_name", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("before", WordMap, nullable=False),
    Column("after", WordMap, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("table_name", Text, nullable=False),
    Column("row_id", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("cloud", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("profile", Text),
    Column("region", Text),
    Column("account_id", Text),
    Column("arn", Text),
    Column("checked_at", UtcTime),
    Column("error_kind", Text),
    Column("error_message", Text),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", LargeBinary, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

sightings = Table(
    "sightings",
    metadata,
    Column("cloud", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("ownership", Word(Ownership), nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("store_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("instance_type", Text, nullable=False),
    Column("market", Word(Market), nullable=False),
    Column("state", Word(RemoteState), nullable=False),
    Column("zone", Text),
    Column("launched_at", UtcTime),
    Column("expires_at", Text),
    Column("price_usd_per_hour", Text),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
)

tunnels = Table(
    "tunnels",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("host_id", Text, primary_key=True),
    Column("remote_port", Integer, primary_key=True, autoincrement=False),
    Column("local_port", Integer, nullable=False),
    Column("is_endpoint", Boolean, nullable=False),
    Column("state", Word(TunnelState), nullable=False),
    Column("problem", Text, nullable=False),
)

node_reports = Table(
    "node_reports",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("host_id", Text, nullable=False),
    Column("read_at", UtcTime),
    Column("link", Word(LinkState), nullable=False),
    Column("problem_kind", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("gpus", Text, nullable=False),
    Column("gpu_problem", Text, nullable=False),
    Column("idle_since", UtcTime),
    Column("idle_ends_at", UtcTime),
    Column("clock_off_seconds", Float),
)

gpu_samples = Table(
    "gpu_samples",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("span_seconds", Integer, primary_key=True, autoincrement=False),
    Column("gpu_index", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, primary_key=True),
    Column("utilisation_percent", Float),
    Column("memory_used_mib", Float),
    Column("memory_total_mib", Float),
    Column("temperature_celsius", Float),
    Column("power_watts", Float),
)
Index("gpu_samples_age", gpu_samples.c.span_seconds, gpu_samples.c.at)

setup_times = Table(
    "setup_times",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("stage", Word(SetupStage), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("instance_type", Text, nullable=False),
    Column("framework", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
)
Index("setup_times_kind", setup_times.c.framework, setup_times.c.stage, setup_times.c.name)

launch_templates = Table(
    "launch_templates",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("arguments_json", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
    UniqueConstraint("owner", "name", name="launch_templates_name"),
)


def to_row(model: Any) -> dict[str, Any]:
    """The column values of a frozen model, by field name."""
    return {field.name: getattr(model, field.name) for field in fields(model)}


def to_model(kind: type[Model], row: Row[Any] | Mapping[str, Any]) -> Model:
    """The model of a row; columns the model does not have are left out."""
    values = row if isinstance(row, Mapping) else row._mapping  # noqa: SLF001 - public by its documentation
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]
