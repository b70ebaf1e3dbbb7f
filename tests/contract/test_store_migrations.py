"""Making and upgrading the tables: all or nothing, once, after a backup, and never backwards."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from aicompute_tui.domain.errors import BadAnswer, NotConfigured
from aicompute_tui.store import database, fast, migrations, schema
from aicompute_tui.store.database import Store, database_url
from aicompute_tui.store.tables import metadata
from tests.contract.store_world import StandingClock, instance, opened
from tests.fresh_database import migrate

pytestmark = pytest.mark.asyncio

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

def upgrade():
    op.create_table("extra", sa.Column("id", sa.Text(), primary_key=True))
    op.add_column("instances", sa.Column("colour", sa.Text()))
    {then}
"""


@pytest.fixture(autouse=True)
def no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_upgrade", migrate)


async def present_version(path: Path) -> str:
    async with opened(path) as store:
        async with store.write() as transaction:
            await transaction.instances.insert(instance("alpha"))
        return store.store_id


def next_version(monkeypatch: pytest.MonkeyPatch, folder: Path, then: str = "pass") -> None:
    """A program whose tables are one version further."""
    scripts = folder / "scripts"
    shutil.rmtree(scripts, ignore_errors=True)
    shutil.copytree(migrations.SCRIPTS, scripts)
    (scripts / "versions" / "v0009_next.py").write_text(NEXT.format(then=then))
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    for module in (schema, database, migrations, fast):
        monkeypatch.setattr(module, "SCHEMA_VERSION", 9)


def look(path: Path) -> tuple[int, set[str], list[str]]:
    connection = sqlite3.connect(path)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        names = [name for (name,) in connection.execute("SELECT name FROM instances")] if "instances" in tables else []
    finally:
        connection.close()
    return version, tables, names


async def test_the_tables_made_are_the_tables_we_use(tmp_path: Path) -> None:
    await present_version(tmp_path / "a.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_a_new_database_is_private_and_has_an_identity(tmp_path: Path) -> None:
    path = tmp_path / "home" / "data" / "aic-tui.db"
    async with opened(path) as one:
        async with one.write() as transaction:
            await transaction.instances.insert(instance("alpha"))
        assert one.database_path == path
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        async with opened(tmp_path / "other.db") as two:
            assert one.store_id != two.store_id
    async with opened(path) as again:
        assert again.store_id == one.store_id


async def test_a_file_others_can_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    await present_version(path)
    path.chmod(0o644)
    async with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_console_makes_and_upgrades_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aic-tui.db"
    with pytest.raises(NotConfigured, match="no database yet"):
        await Store.open(database_url(path), clock=StandingClock(), migrate=False)
    assert not path.exists()
    await present_version(path)
    next_version(monkeypatch, tmp_path)
    with pytest.raises(NotConfigured, match="older version"):
        await Store.open(database_url(path), clock=StandingClock(), migrate=False)
    assert look(path)[0] == 8


async def test_an_upgrade_keeps_the_rows_and_a_backup_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, backups = tmp_path / "aic-tui.db", tmp_path / "backups"
    store_id = await present_version(path)
    assert not backups.exists(), "there was nothing to keep"
    next_version(monkeypatch, tmp_path)
    async with opened(path, backups=backups) as store:
        assert store.store_id == store_id
    version, tables, names = look(path)
    assert (version, "extra" in tables, names) == (9, True, ["alpha"])
    (copy,) = backups.iterdir()
    assert copy.name == "aic-tui-v8-20261120T085500Z.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    version, tables, names = look(copy)
    assert (version, "extra" in tables, names) == (8, False, ["alpha"])


async def test_a_database_of_the_first_version_is_upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aic-tui.db"
    scripts = tmp_path / "scripts"
    shutil.copytree(migrations.SCRIPTS, scripts)
    for later in (
        "v0002_machines_that_report.py",
        "v0003_launch_templates.py",
        "v0004_container_hosts.py",
        "v0005_where_the_meter_stopped.py",
        "v0006_connections.py",
        "v0007_servers_and_health.py",
        "v0008_quotas.py",
    ):
        (scripts / "versions" / later).unlink()
    with monkeypatch.context() as first:
        first.setattr(migrations, "SCRIPTS", scripts)
        for module in (schema, database, migrations, fast):
            first.setattr(module, "SCHEMA_VERSION", 1)
        async with opened(path):
            pass
    connection = sqlite3.connect(path)
    assert "login" not in {row[1] for row in connection.execute("PRAGMA table_info(instances)")}
    connection.close()
    async with opened(path) as store, store.write() as transaction:
        await transaction.instances.insert(instance("alpha", login="ubuntu"))
    assert look(path)[0] == 8
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connected:
        assert compare_metadata(MigrationContext.configure(connected), metadata) == []
    engine.dispose()


async def test_a_failing_upgrade_leaves_everything_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aic-tui.db"
    await present_version(path)
    before = look(path)
    with monkeypatch.context() as failing:
        next_version(failing, tmp_path, then='raise RuntimeError("half way")')
        with pytest.raises(RuntimeError, match="half way"):
            await Store.open(database_url(path), clock=StandingClock())
    assert look(path) == before
    async with opened(path) as store, store.read() as transaction:
        assert [row.name for row in await transaction.instances.list()] == ["alpha"]
    next_version(monkeypatch, tmp_path)
    async with opened(path):
        assert look(path)[0] == 9


async def test_starts_at_once_upgrade_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aic-tui.db"
    await present_version(path)
    next_version(monkeypatch, tmp_path)
    stores = await asyncio.gather(*(Store.open(database_url(path), clock=StandingClock()) for _ in range(3)))
    for store in stores:
        await store.aclose()
    assert look(path)[0] == 9
    assert len(list((tmp_path / "backups").iterdir())) == 1


async def test_tables_of_a_newer_program_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aic-tui.db"
    async with opened(path) as running:
        with monkeypatch.context() as newer:
            next_version(newer, tmp_path)
            async with opened(path):
                pass
        with pytest.raises(NotConfigured, match="newer aic-tui"):
            await Store.open(database_url(path), clock=StandingClock())
        with pytest.raises(NotConfigured, match="newer aic-tui"):
            async with running.write():
                pass
    assert look(path)[0] == 9


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(BadAnswer, match="another program"):
        await Store.open(database_url(path), clock=StandingClock())
    assert look(path)[1] == {"theirs"}


async def test_alembic_is_imported_only_when_the_tables_change(tmp_path: Path) -> None:
    path = tmp_path / "aic-tui.db"
    await present_version(path)
    code = (
        "import asyncio, sys\n"
        "from tests.contract.store_world import opened, Path\n"
        "async def main():\n"
        "    async with opened(Path(sys.argv[1])): pass\n"
        "asyncio.run(main())\n"
        "print(any(name.split('.')[0] == 'alembic' for name in sys.modules))\n"
    )
    for file, imported in ((path, "False"), (tmp_path / "new.db", "True")):
        answer = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == imported
