"""The tables of container hosts: what was added, how each answers, and the containers seen there last."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from aicompute_tui.domain.container import ContainerState, Health
from aicompute_tui.domain.host import HostKind, HostState
from aicompute_tui.store.columns import UtcTime, Word
from aicompute_tui.store.tables import metadata

hosts = Table(
    "hosts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Word(HostKind), nullable=False),
    Column("url", Text, nullable=False),
    Column("tls_ca", Text),
    Column("tls_cert", Text),
    Column("tls_key", Text),
    Column("tls_pin", Text),
    Column("ssh_key", Text),
    Column("environment", Integer),
    Column("address", Text),
    Column("kept_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("owner", "name", name="hosts_name"),
)

host_reports = Table(
    "host_reports",
    metadata,
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("state", Word(HostState), nullable=False),
    Column("read_at", UtcTime),
    Column("since", UtcTime),
    Column("problem_kind", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("facts", Text, nullable=False),
)

containers = Table(
    "containers",
    metadata,
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("image_id", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("state", Word(ContainerState), nullable=False),
    Column("health", Word(Health), nullable=False),
    Column("exit_code", Integer),
    Column("is_out_of_memory", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Column("restart_count", Integer),
    Column("restart_policy", Text, nullable=False),
    Column("created_at", UtcTime),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("ports", Text, nullable=False),
    Column("gpus", Text, nullable=False),
    Column("has_terminal", Boolean),
    Column("labels", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("is_inspected", Boolean, nullable=False),
)
