"""Fills a new store and a new world so that they tell of each other."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from aicompute_tui.demo.connections import write_connections
from aicompute_tui.demo.containers import write_hosts
from aicompute_tui.demo.fleet import FLEET, Seed, Whose, seed_of
from aicompute_tui.demo.history import History
from aicompute_tui.demo.quotas import set_quotas
from aicompute_tui.demo.servers import write_servers
from aicompute_tui.demo.surroundings import Surroundings
from aicompute_tui.demo.told import Told, earlier_steps
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.template import LaunchTemplate
from aicompute_tui.runtime import Runtime
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.vault import Vault


async def fill_store(runtime: Runtime, surroundings: Surroundings, world_port: Callable[[], int]) -> None:
    """Makes the store, plants the fleet in the world and writes what happened before. Closes the store.

    `world_port` waits until the world answers; by then the store has been made.
    """
    store = await runtime.open_store()
    try:
        now = runtime.clock.now()
        launch_ids = [new_id(now) for _ in FLEET]
        seeds = [
            seed_of(member, store_id=store.store_id, owner=runtime.actor.owner, launch_id=launch_id, now=now)
            for member, launch_id in zip(FLEET, launch_ids, strict=True)
        ]
        machines = plant(world_port(), seeds)
        set_quotas(world_port())
        history = History(runtime.actor, now)
        async with store.write() as transaction:
            await transaction.credentials.upsert(history.credential())
            for instance in history.ended():
                await transaction.instances.insert(instance)
                await _record_set_up(transaction, instance)
            await transaction.templates.insert(_template(runtime, now - timedelta(days=4)))
            refused, job = history.refused()
            await transaction.jobs.insert(job)
            await transaction.instances.insert(refused)
            for member, launch_id, seed, machine in zip(FLEET, launch_ids, seeds, machines, strict=True):
                if member.whose is Whose.OURS:
                    instance, job = history.running(member, machine, launch_id)
                    instance, told = history.told(instance, member)
                    await transaction.jobs.insert(job)
                    await transaction.instances.insert(instance)
                    await _write_down(transaction, told)
                elif member.whose is not Whose.UNTAGGED:
                    await transaction.sightings.record(history.sighting(member, machine, seed.tags))
            began = datetime.fromtimestamp(surroundings.began, UTC)
            await write_hosts(transaction, runtime.actor, began, surroundings.lab_port, surroundings.ssh_port)
            vault = Vault.open(runtime.places, runtime.environment)
            ports = surroundings.provider_port, surroundings.ssh_port
            await write_connections(transaction, vault.seal, runtime.actor, began, *ports)
            servers = surroundings.server_ports
            await write_servers(transaction, runtime.actor, began, servers, surroundings.ssh_port)
            for event in history.events():
                await transaction.events.append(event)
    finally:
        await runtime.aclose()


def _template(runtime: Runtime, saved_at: datetime) -> LaunchTemplate:
    """A launch kept by a name, for the list of what can be repeated."""
    arguments = {"region": "ca-central-1", "type": "g5.xlarge", "market": "spot", "framework": "vllm",
                 "model": ["meta-llama/Llama-3.1-8B-Instruct"], "ttl": "8h", "idle": "30m"}  # fmt: skip
    actor = runtime.actor
    return LaunchTemplate(
        id=new_id(saved_at),
        owner=actor.owner,
        created_by=actor.name,
        name="llama by day",
        arguments_json=json.dumps(arguments, sort_keys=True),
        created_at=saved_at,
        saved_at=saved_at,
    )


async def _record_set_up(transaction: Transaction, instance: Instance) -> None:
    """How long its steps took, from which typical times come."""
    launched = instance.launched_at
    if launched is not None and instance.framework in FRAMEWORKS:
        steps = earlier_steps(instance.framework, instance.models, launched)
        await transaction.setup_times.record(instance, steps, launched)


async def _write_down(transaction: Transaction, told: Told) -> None:
    await transaction.node_reports.put(told.report)
    await transaction.gpu_samples.append(told.samples)
    if told.tunnel is not None:
        await transaction.tunnels.put(told.tunnel)


def plant(port: int, seeds: Sequence[Seed]) -> list[dict[str, Any]]:
    """The machines as the world made them, in order."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/__world/seed", json.dumps([asdict(seed) for seed in seeds]))
        answer = connection.getresponse()
        machines: list[dict[str, Any]] = json.load(answer)
    finally:
        connection.close()
    return machines
