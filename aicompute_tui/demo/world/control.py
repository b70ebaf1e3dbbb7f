"""How a test or the demo steers the world: faults, journal, machines, sudden ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aicompute_tui.demo.fleet import Seed
from aicompute_tui.demo.world.call import Answer, CallError, json_answer
from aicompute_tui.demo.world.seeding import plant
from aicompute_tui.demo.world.server import World

_OURS = "aic-tui:store"
_NOTICE_SECONDS = 30.0
"""AWS gives 120; the demo's time runs faster."""


class Control:
    def __init__(self, world: World) -> None:
        self._world = world
        self._actions: dict[str, Callable[[Any], Any]] = {
            "GET log": lambda _: world.journal.entries(),
            "GET machines": lambda _: self._machines(everything=False),
            "GET all-machines": lambda _: self._machines(everything=True),
            "GET faults": lambda _: world.faults.rules(),
            "POST faults": lambda rules: world.faults.replace(rules or []),
            "POST release": lambda _: world.faults.release(),
            "POST reset": lambda _: world.reset(),
            "POST interrupt": lambda body: world.machines.interrupt(body["instance_id"]),
            "POST interruption-notice": self._announce_interruption,
            "POST power-off": lambda body: world.machines.power_off(body["instance_id"]),
            "POST vanish": lambda body: world.machines.vanish(body["instance_id"]),
            "POST age": lambda body: world.machines.age(body["instance_id"], float(body["seconds"])),
            "POST quota": self._set_quota,
            "POST quota-answer": self._answer_quota,
            "POST quota-answers-after": self._answer_quotas_after,
            "POST quota-request": self._ask_for_quota,
            "POST seed": lambda rows: [plant(world, Seed(**row)) for row in rows],
            "POST boot-seconds": lambda seconds: world.lifecycle.set_boot_seconds(float(seconds)),
        }

    def __call__(self, method: str, name: str, body: Any) -> Answer:
        action = self._actions.get(f"{method} {name}")
        if action is None:
            return json_answer({"error": "no such thing"}, 404, "application/json")
        self._world.advance()
        try:
            content = action(body)
        except CallError as error:
            return json_answer({"error": error.message}, error.status, "application/json")
        return json_answer(content, content_type="application/json")

    def _announce_interruption(self, body: Any) -> None:
        self._world.machines.announce_interruption(body["instance_id"], float(body.get("seconds", _NOTICE_SECONDS)))

    def _set_quota(self, body: Any) -> None:
        account = body.get("account", "123456789012")
        self._world.quotas.set_value(account, body.get("region"), body["code"], float(body["value"]))

    def _answer_quota(self, body: Any) -> None:
        account = body.get("account", "123456789012")
        self._world.quotas.answer(account, body["region"], body["code"], body["status"])

    def _answer_quotas_after(self, seconds: Any) -> None:
        self._world.quotas.answer_seconds = float(seconds)

    def _ask_for_quota(self, body: Any) -> None:
        account = body.get("account", "123456789012")
        is_held = bool(body.get("held"))
        self._world.quotas.ask(account, body["region"], body["code"], float(body["desired"]), is_held=is_held)

    def _machines(self, *, everything: bool) -> list[dict[str, Any]]:
        rows = []
        for account, region, instance in self._world.machines.every():
            tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
            if everything or _OURS in tags:
                rows.append(
                    {
                        "instance_id": instance.id,
                        "account": account,
                        "region": region,
                        "zone": instance.placement.zone,
                        "state": instance.state,
                        "state_reason": instance.state_reason.code,
                        "instance_type": instance.instance_type,
                        "market": "spot" if instance.lifecycle == "spot" else "on-demand",
                        "client_token": instance.client_token,
                        "spot_request_id": getattr(instance, "spot_instance_request_id", None),
                        "public_address": instance.public_ip,
                        "interrupted_at": self._world.machines.notices.get(instance.id),
                        "launched_at": instance.launch_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        "tags": tags,
                    }
                )
        return rows
