"""Bad days of a database file: each is one sentence with a way on, and nothing that was stored is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from aicompute_tui.domain.errors import AicError, BadAnswer, NotConfigured, Refused, Unreachable
from aicompute_tui.store import engine
from aicompute_tui.store.backup import check_copy, restore
from aicompute_tui.store.database import Store, database_url
from tests.contract.store_world import START, StandingClock, instance, opened
from tests.needs import need

pytestmark = pytest.mark.asyncio


def has_a_way_on(error: AicError) -> bool:
    return error.message.endswith(".") and bool(error.next_step) and "Traceback" not in error.message


async def filled(path: Path, count: int = 3) -> list[str]:
    async with opened(path) as store, store.write() as transaction:
        await transaction.instances.insert_many([instance(f"n{number}") for number in range(count)])
    return await names(path)


async def names(path: Path) -> list[str]:
    async with opened(path) as store, store.read() as transaction:
        return sorted(row.name for row in await transaction.instances.list())


async def test_locked_longer_than_we_wait(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    before = await filled(path)
    holder = sqlite3.connect(path, isolation_level=None)
    async with opened(path, busy_seconds=0.1) as store:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unreachable, match="busy") as caught:
            async with store.write() as transaction:
                await transaction.instances.insert(instance("late"))
        assert has_a_way_on(caught.value)
        async with store.read() as transaction:
            assert len(await transaction.instances.list()) == len(before), "reading goes on"
        holder.execute("ROLLBACK")
        async with store.write() as transaction:
            await transaction.instances.insert(instance("late"))
    holder.close()
    assert await names(path) == sorted([*before, "late"])


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    path.write_bytes(b"not a database at all, but long enough to be one" * 100)
    with pytest.raises(BadAnswer, match="damaged") as caught:
        await Store.open(database_url(path), clock=StandingClock())
    assert has_a_way_on(caught.value)
    assert path.read_bytes().startswith(b"not a database")


async def test_a_file_damaged_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    await filled(path, 200)
    with path.open("r+b") as file:
        file.seek(4096 * 40)
        file.write(b"\xff" * (path.stat().st_size - 4096 * 40))
    damaged = path.read_bytes()

    async def read() -> None:
        async with opened(path) as store, store.read() as transaction:
            await transaction.instances.list()

    with pytest.raises(BadAnswer, match="damaged") as caught:
        await read()
    assert has_a_way_on(caught.value)
    assert path.read_bytes() == damaged, "left as it is"


async def test_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    before = await filled(path)
    async with opened(path) as store:

        @event.listens_for(store._engine.sync_engine.pool, "checkout")
        def full(connection: Any, record: Any, proxy: Any) -> None:
            connection.cursor().execute("PRAGMA max_page_count = 1")

        with pytest.raises(Refused, match="disk is full") as caught:
            async with store.write() as transaction:
                await transaction.instances.insert_many([instance(f"more{number}") for number in range(500)])
    assert has_a_way_on(caught.value)
    assert await names(path) == before


WRITE_UNTIL_REFUSED = """
import asyncio, resource, sys
from pathlib import Path
from aicompute_tui.domain.errors import AicError
from tests.contract.store_world import instance, opened

async def main():
    async with opened(Path(sys.argv[1])) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        stored = 0
        try:
            while stored < 2000:
                async with store.write() as transaction:
                    await transaction.instances.insert_many([instance(f"more{stored + n}") for n in range(50)])
                stored += 50
        except AicError as error:
            print(stored, error.kind, error.message, error.next_step, sep="|")

asyncio.run(main())
"""


async def test_the_file_cannot_grow(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    before = await filled(path)
    answer = subprocess.run(
        [sys.executable, "-c", WRITE_UNTIL_REFUSED, str(path)], capture_output=True, text=True, check=True
    )
    stored, kind, message, step = answer.stdout.strip().split("|")
    assert (kind, "nothing was stored" in message, bool(step)) == ("Refused", True, True)
    assert len(await names(path)) == len(before) + int(stored), "what was committed is there, and no more"


OPEN = """
import asyncio, sys
from pathlib import Path
from aicompute_tui.domain.errors import AicError
from tests.contract.store_world import opened

async def main():
    try:
        async with opened(Path(sys.argv[1])):
            print("opened")
    except AicError as error:
        print(error.kind, error.message, error.next_step, sep="|")

asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["aic-tui.db", "new.db", "deep/new.db"])
async def test_a_folder_we_may_not_write(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / name)]
    if os.getuid() == 0:
        need("setpriv", shutil.which("setpriv") is not None, "apt-get install util-linux")
        command = ["setpriv", "--bounding-set", "-dac_override", *command]
    await filled(tmp_path / "aic-tui.db")
    tmp_path.chmod(0o555)
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    tmp_path.chmod(0o755)
    kind, message, step = answer.stdout.strip().split("|")
    assert kind == "NotConfigured"
    assert "cannot be written" in message
    assert "AIC_TUI_HOME" in step


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local xfs rw 0 0
me@there:/ /mnt/with\\040space fuse.sshfs rw 0 0
share /win cifs rw 0 0
tmpfs /home/ann/run tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/aic-tui.db", "ext4"),
        ("/home/ann/aic-tui.db", "nfs4"),
        ("/home/local/aic-tui.db", "xfs"),
        ("/homework/aic-tui.db", "ext4"),
        ("/mnt/with space/aic-tui.db", "fuse.sshfs"),
        ("/win/aic-tui.db", "cifs"),
        ("/home/ann/run/aic-tui.db", "tmpfs"),
    ],
)
async def test_network_file_systems_are_refused_with_the_way_on(path: str, kind: str) -> None:
    assert engine.file_system(Path(path), MOUNTS) == kind
    if kind in ("ext4", "xfs", "tmpfs"):
        engine.check_file_system(Path(path), MOUNTS)
        return
    with pytest.raises(NotConfigured, match=kind) as caught:
        engine.check_file_system(Path(path), MOUNTS)
    assert "PostgreSQL" in caught.value.next_step


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://u:secret-word@h/d", "sqlite+aiosqlite://", "nonsense", "sqlite:///:memory:"]
)
async def test_urls_we_cannot_use(url: str) -> None:
    with pytest.raises(AicError) as caught:
        await Store.open(url, clock=StandingClock())
    assert has_a_way_on(caught.value)
    assert "secret-word" not in f"{caught.value.message}{caught.value.next_step}{caught.value.details}"


async def test_a_backup_taken_while_others_write_comes_back(tmp_path: Path) -> None:
    path, copy = tmp_path / "aic-tui.db", tmp_path / "backups" / "copy.db"
    before = await filled(path)
    async with opened(path) as store:
        async with store.write() as transaction:
            await transaction.instances.insert(instance("uncommitted"))
            await store.backup_to(copy)
        check_copy(copy)
        assert [file.name for file in copy.parent.iterdir()] == ["copy.db"], "one file, whole"
        with pytest.raises(Unreachable, match="in use"):
            restore(copy, path, START)
        async with store.write() as transaction:
            await transaction.instances.insert(instance("later"))
        store_id = store.store_id
    aside = restore(copy, path, START)
    assert aside is not None
    assert await names(path) == before
    assert await names(aside) == sorted([*before, "later", "uncommitted"]), "the file that was there is kept"
    async with opened(path) as store:
        assert store.store_id == store_id
    assert path.stat().st_mode & 0o077 == 0


async def test_a_damaged_database_is_replaced_and_kept(tmp_path: Path) -> None:
    path, copy = tmp_path / "aic-tui.db", tmp_path / "copy.db"
    before = await filled(path)
    async with opened(path) as store:
        await store.backup_to(copy)
    path.write_bytes(b"damaged" * 1000)
    aside = restore(copy, path, START)
    assert aside is not None
    assert aside.read_bytes() == b"damaged" * 1000
    assert await names(path) == before


async def test_a_backup_that_cannot_be_used_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, copy = tmp_path / "aic-tui.db", tmp_path / "copy.db"
    before = await filled(path)
    foreign = tmp_path / "foreign.db"
    sqlite3.connect(foreign).execute("CREATE TABLE theirs (x)").connection.close()
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"garbage" * 1000)
    async with opened(path) as store:
        await store.backup_to(copy)
    newer = tmp_path / "newer.db"
    shutil.copy(copy, newer)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for bad in (foreign, garbage, newer, tmp_path / "absent.db"):
        with pytest.raises(AicError) as caught:
            restore(bad, path, START)
        assert has_a_way_on(caught.value)
    assert await names(path) == before


async def test_restoring_where_there_was_nothing(tmp_path: Path) -> None:
    path, copy = tmp_path / "aic-tui.db", tmp_path / "copy.db"
    before = await filled(path)
    async with opened(path) as store:
        await store.backup_to(copy)
    assert restore(copy, tmp_path / "new" / "aic-tui.db", START) is None
    assert await names(tmp_path / "new" / "aic-tui.db") == before
