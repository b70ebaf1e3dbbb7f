"""Several processes on one database: nothing is lost, nothing is skipped, and others see it soon."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import pytest

from tests.contract.store_world import instance, opened

pytestmark = pytest.mark.asyncio
PROCESSES, EDITS, ROWS = 3, 200, 4


async def start(*arguments: object) -> Process:
    command = [sys.executable, "-m", "tests.contract.store_editor", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)


async def answer(process: Process) -> Any:
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return json.loads(out.splitlines()[-1])


async def test_three_processes_edit_the_same_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "aic-tui.db"
    async with opened(path) as store:
        async with store.write() as transaction:
            await transaction.instances.insert_many([instance(f"n{number}") for number in range(ROWS)])
        begun = await store.latest_change()
        last = begun + PROCESSES * EDITS
        follower = await start("follow", path, begun, last)
        assert follower.stdout is not None
        await asyncio.wait_for(follower.stdout.readline(), 30)
        editors = [await start("edit", path, EDITS, 0) for _ in range(PROCESSES)]
        edited = await asyncio.gather(*(answer(editor) for editor in editors))
        followed = await answer(follower)
        async with store.read() as transaction:
            rows = await transaction.instances.list()
            assert await transaction.changes.latest() == last
    assert [row.empty_looks for row in rows] == [PROCESSES * EDITS // ROWS] * ROWS
    assert [row.version for row in rows] == [1 + PROCESSES * EDITS // ROWS] * ROWS
    assert followed["order"] == list(range(begun + 1, last + 1)), "every number once, in order"
    late = sorted(
        followed["seen"][number] - moment for editor in edited for number, moment in editor["committed"].items()
    )
    assert len(late) == PROCESSES * EDITS
    p99 = late[len(late) * 99 // 100]
    conflicts = sum(editor["conflicts"] for editor in edited)
    seen = f"seen elsewhere after {p99:.3f} s (p99), {late[-1]:.3f} s (max)"
    with capsys.disabled():
        print(f"\n{len(late)} edits, {conflicts} conflicts; {seen}")
    for editor in edited:
        for number, moment in editor["committed"].items():
            assert followed["missed"][number] <= moment, "a look that began after the commit did not show it"


async def test_two_processes_that_make_the_database_at_once_both_succeed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "aic-tui.db"
    processes = [await start("edit", path, 0, 0) for _ in range(3)]
    for process in processes:
        await answer(process)
    async with opened(path, migrate=False) as store:
        assert len(store.store_id) == 36
