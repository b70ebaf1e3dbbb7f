"""Follows the world: a machine that runs there is one that answers here, and one that ends itself ends there too."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aicompute_tui.demo.fleet import FLEET
from aicompute_tui.demo.nodes.box import Box, plan_of
from aicompute_tui.demo.nodes.facts import Facts, Look, Roster
from aicompute_tui.demo.nodes.ssh_door import Door

_LOOK_SECONDS = 0.5
_MEMBERS = {member.name: member for member in FLEET}
_SILENCE = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Keeper:
    def __init__(self, roster: Roster, port: int, public_key: Path, set_up_seconds: float) -> None:
        self._roster = roster
        self._port = port
        self._public_key = public_key
        self._set_up_seconds = set_up_seconds
        self._doors: dict[str, Door] = {}
        self._boxes: dict[str, Box] = {}

    async def run(self) -> None:
        """For ever. A world that does not answer is asked again."""
        while True:
            with contextlib.suppress(*_SILENCE):
                await self.look(await asyncio.to_thread(self._roster.looks))
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self, looks: Sequence[Look]) -> None:
        for look in looks:
            if look.is_running and look.facts.known:
                await self._run_on(look)
            else:
                await self._close(look)
        gone = set(self._boxes) - {look.facts.instance_id for look in looks}
        for instance_id in gone:
            await self._shut(instance_id)

    async def _run_on(self, look: Look) -> None:
        facts = look.facts
        now = time.time()
        box = self._boxes.get(facts.instance_id)
        if box is None:
            box = self._boot(look, now)
            await self._open(facts, box)
        why = box.tick(now, look)
        if why:
            box.log(now, "aic-tui-watch" if "Nothing" in why else "aic-tui-deadman", why)
            await asyncio.to_thread(self._roster.power_off, facts.instance_id)

    def _boot(self, look: Look, now: float) -> Box:
        instance_id = look.facts.instance_id
        member = _MEMBERS.get(look.facts.seed)
        is_first = instance_id not in self._doors
        plan = plan_of(look, member, now, self._set_up_seconds, is_first_boot=is_first)
        box = Box(look.facts, plan, now, member)
        self._boxes[instance_id] = box
        return box

    async def _open(self, facts: Facts, box: Box) -> None:
        door = self._doors.get(facts.instance_id)
        if door is None:
            door = self._doors[facts.instance_id] = Door(facts.address, self._port, self._public_key)
        try:
            await door.open(box)
        except OSError as error:
            print(f"{facts.address}:{self._port} cannot be listened at: {error.strerror}", file=sys.stderr, flush=True)

    async def _close(self, look: Look) -> None:
        await self._shut(look.facts.instance_id)
        if look.is_ended:
            self._doors.pop(look.facts.instance_id, None)

    async def _shut(self, instance_id: str) -> None:
        if self._boxes.pop(instance_id, None) is not None:
            await self._doors[instance_id].close()
