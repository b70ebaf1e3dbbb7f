"""A credential given in the console: sealed before anything is written, and in no file of the state home as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.credential import AwsKeys, Secret
from aicompute_tui.domain.errors import NotConfigured, Refused
from aicompute_tui.runtime import build
from aicompute_tui.services.credentials import encode_keys, stored_keys
from aicompute_tui.services.jobs import pending_secret, run_job
from aicompute_tui.ui.glyphs import UNICODE
from aicompute_tui.ui.session import LiveSession

pytestmark = pytest.mark.asyncio
KEYS = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12")
SECRET = Secret(encode_keys(KEYS), (KEYS.access_key_id, KEYS.secret_access_key))


def files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_the_secret_waits_sealed_beside_the_job_and_then_is_the_credentials(tmp_path: Path) -> None:
    runtime = build(environment={"AIC_TUI_HOME": str(tmp_path), "HOME": str(tmp_path)})
    store = await runtime.open_store()
    session = LiveSession(runtime, glyphs=UNICODE)
    try:
        job_id = await session.submit_secret("credential.set", {"name": "lab", "cloud": "aws"}, SECRET)
        assert files_with(tmp_path, KEYS.secret_access_key) == []
        assert files_with(tmp_path, KEYS.access_key_id) == []
        async with store.write() as transaction:
            assert await transaction.secrets.get(pending_secret(job_id)) is not None
            job = await transaction.jobs.claim(job_id, "me", runtime.clock.now())
        assert job is not None
        assert KEYS.secret_access_key not in repr(job)
        await run_job(await runtime.context(), job)
        async with store.read() as transaction:
            assert await transaction.secrets.get(pending_secret(job_id)) is None
            (credential,) = [each for each in await transaction.credentials.list() if each.name == "lab"]
        assert await stored_keys(store, runtime.places, runtime.environment, credential) == KEYS
        assert files_with(tmp_path, KEYS.secret_access_key) == []
    finally:
        await session.aclose()


async def test_a_name_that_is_taken_leaves_no_sealed_rest_behind(tmp_path: Path) -> None:
    runtime = build(environment={"AIC_TUI_HOME": str(tmp_path), "HOME": str(tmp_path)})
    store = await runtime.open_store()
    session = LiveSession(runtime, glyphs=UNICODE)
    try:
        for cloud in ("aws", "huggingface"):
            job_id = await session.submit_secret("credential.set", {"name": "lab", "cloud": cloud}, SECRET)
            async with store.write() as transaction:
                job = await transaction.jobs.claim(job_id, "me", runtime.clock.now())
            assert job is not None
            if cloud == "aws":
                await run_job(await runtime.context(), job)
            else:
                with pytest.raises(Refused, match="already names"):
                    await run_job(await runtime.context(), job)
        async with store.read() as transaction:
            assert await transaction.secrets.get(pending_secret(job_id)) is None
    finally:
        await session.aclose()


@pytest.mark.parametrize("is_held", [False, True])
async def test_a_job_that_is_cancelled_leaves_no_sealed_rest_behind(tmp_path: Path, is_held: bool) -> None:
    runtime = build(environment={"AIC_TUI_HOME": str(tmp_path), "HOME": str(tmp_path)})
    store = await runtime.open_store()
    session = LiveSession(runtime, glyphs=UNICODE)
    try:
        job_id = await session.submit_secret("credential.set", {"name": "lab", "cloud": "aws"}, SECRET)
        cancel_id = await session.submit("job.cancel", {"id": job_id})
        async with store.write() as transaction:
            held = await transaction.jobs.claim(job_id, "me", runtime.clock.now()) if is_held else None
            cancel = await transaction.jobs.claim(cancel_id, "me", runtime.clock.now())
        assert cancel is not None
        await run_job(await runtime.context(), cancel)
        if held is not None:
            async with store.read() as transaction:
                held = await transaction.jobs.get(held.id)
            with pytest.raises(Refused, match="cancelled"):
                await run_job(await runtime.context(), held)
        async with store.read() as transaction:
            assert (await transaction.jobs.get(job_id)).state == "cancelled"
            assert await transaction.secrets.get(pending_secret(job_id)) is None
    finally:
        await session.aclose()


async def test_a_vault_that_does_not_open_writes_nothing_down(tmp_path: Path) -> None:
    environment = {"AIC_TUI_HOME": str(tmp_path), "HOME": str(tmp_path), "AIC_TUI_VAULT_KEY": "too short"}
    runtime = build(environment=environment)
    store = await runtime.open_store()
    session = LiveSession(runtime, glyphs=UNICODE)
    try:
        with pytest.raises(NotConfigured, match="malformed"):
            await session.submit_secret("credential.set", {"name": "lab", "cloud": "aws"}, SECRET)
        async with store.read() as transaction:
            assert await transaction.jobs.list() == []
    finally:
        await session.aclose()


async def test_a_read_only_console_takes_no_secret(tmp_path: Path) -> None:
    runtime = build(environment={"AIC_TUI_HOME": str(tmp_path), "HOME": str(tmp_path)})
    session = LiveSession(runtime, glyphs=UNICODE, read_only=True)
    try:
        with pytest.raises(Refused, match="read-only"):
            await session.submit_secret("credential.set", {"name": "lab", "cloud": "aws"}, SECRET)
    finally:
        await session.aclose()
