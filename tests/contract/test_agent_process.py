"""Real agents in real processes: one per home, replaced, killed, frozen, and ended by time."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui import __version__
from aicompute_tui.agent.client import AgentClient
from aicompute_tui.agent.install import install
from aicompute_tui.agent.process import GAVE_WAY, NICENESS
from aicompute_tui.agent.start import connect_agent, ensure_agent
from aicompute_tui.domain.errors import AicError, NotConfigured, Unreachable
from aicompute_tui.domain.job import JOB_LEASE_SECONDS, JobState
from tests.contract.agent_home import Home, connected, last_json, made_database, opened_home
from tests.waiting import until

pytestmark = pytest.mark.asyncio
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED12",
    "AWS_SECRET_ACCESS_KEY": "plantedSecret/planted+Secret1plantedSec12",
    "AWS_SESSION_TOKEN": "planted-session-token-of-a-person",
    "AIC_TUI_VAULT_PASSPHRASE": "planted passphrase of a person",
    "HF_TOKEN": "hf_plantedplantedplanted1234",
    "HTTPS_PROXY": "http://person:plantedproxypassword@127.0.0.1:9",
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the first start leaves it, so that not every test makes its own."""
    return asyncio.run(made_database(tmp_path_factory.mktemp("made")))


@pytest_asyncio.fixture
async def home(tmp_path: Path, database: Path) -> AsyncIterator[Home]:
    async with opened_home(tmp_path) as home:
        home.place(database)
        yield home


async def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return (await asyncio.to_thread(process.stdout.readline)).strip()


async def test_a_second_agent_says_so_and_exits_1(home: Home) -> None:
    first = await ensure_agent(home.runtime())
    assert first.started
    code, out, err = await home.finished(home.start(["agent"]))
    assert (code, out) == (1, "")
    assert f"An agent already runs here (pid {first.status.pid})." in err
    assert "Traceback" not in err
    assert (await home.status())["pid"] == first.status.pid


async def test_an_agent_of_a_session_of_its_own_gives_way_as_a_whole(home: Home) -> None:
    pid = (await ensure_agent(home.runtime())).status.pid
    assert os.getpriority(os.PRIO_PROCESS, pid) >= NICENESS
    session = Path(f"/proc/{pid}/autogroup")
    if session.exists():  # sessions are groups of their own for this kernel
        assert session.read_text().split()[-1] == str(NICENESS)


async def test_of_two_that_start_one_at_once_one_wins_and_both_have_it(home: Home) -> None:
    starts = await asyncio.gather(*(ensure_agent(home.runtime()) for _ in range(3)))
    assert len({start.status.pid for start in starts}) == 1
    assert [start.started for start in starts].count(True) == 1


async def test_an_older_agent_finishes_and_is_replaced(home: Home) -> None:
    old = home.start(["agent"], program_version="0.0.9")
    await until(home.runtime().places.agent_socket.exists, "the older agent listens")
    assert (await home.status())["version"] == "0.0.9"
    start = await ensure_agent(home.runtime())
    assert (start.started, start.status.version) == (True, __version__)
    code, _, err = await home.finished(old)
    assert (code, err) == (0, "")


async def test_a_newer_agent_with_the_same_tables_serves_an_older_console(home: Home) -> None:
    newer = home.start(["agent"], program_version="99.0")
    await until(home.runtime().places.agent_socket.exists, "the newer agent listens")
    start = await ensure_agent(home.runtime())
    assert (start.started, start.status.pid, start.status.version) == (False, newer.pid, "99.0")


async def test_status_tells_who_runs_without_starting_one(home: Home) -> None:
    assert (await home.status())["running"] is False
    start = await ensure_agent(home.runtime())

    async def alone() -> dict[str, object] | None:
        status = await home.status()
        return status if status["clients"] == 0 else None

    status = await until(alone, "nobody is connected any more")
    assert (status["running"], status["holds_lock"]) == (True, True)
    assert (status["pid"], status["version"]) == (start.status.pid, start.status.version)
    assert status["since"]


async def test_no_secret_is_in_the_agents_environment_or_command_line(home: Home) -> None:
    runtime = home.runtime(**SECRETS)
    start = await ensure_agent(runtime)
    process = Path(f"/proc/{start.status.pid}")
    seen = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
    assert b"AIC_TUI_HOME" in seen
    assert not [value for value in SECRETS.values() if value.encode() in seen]
    assert "HTTPS_PROXY" in (start.problem or "")
    await until(lambda: any(runtime.places.logs.iterdir()), "the agent wrote its log")
    for path in runtime.places.data.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert not [value for value in SECRETS.values() if value.encode() in text], path


async def test_keys_of_a_session_are_handed_over_and_let_a_waiting_job_begin(home: Home) -> None:
    await ensure_agent(home.runtime())
    job = await home.submit("eu-west-1", credential_id="aws:env")

    async def reason() -> str:
        return (await home.job(job)).progress

    assert "waits for the credential aws:env" in await until(reason, "the agent says why it waits")
    assert (await home.job(job)).state is JobState.QUEUED
    await ensure_agent(home.runtime(**SECRETS, AWS_ENDPOINT_URL="http://127.0.0.1:9"))
    assert (await home.ended(job)).state is JobState.DONE


async def test_a_change_is_told_soon(home: Home) -> None:
    await ensure_agent(home.runtime())
    store = await home.store()
    async with connected(home) as client:
        told: list[int] = []
        client.on_changed = told.append
        async with store.write() as transaction:
            await transaction.settings.set("region", "eu-west-1", "me")
        number = await store.latest_change()
        await until(lambda: any(each >= number for each in told), "the change was told", 10)


async def test_a_nudge_begins_a_job_at_once(home: Home) -> None:
    await ensure_agent(home.runtime())
    async with connected(home) as client:
        job = await home.submit("eu-west-1")
        await client.nudge()
        assert (await home.ended(job)).state is JobState.DONE
        assert await home.region() == "eu-west-1"
        listed = await client.query("job.list", {})
        assert isinstance(listed, list)
        assert len(listed) == 1


async def test_an_agent_with_nothing_to_do_ends_after_a_minute(home: Home) -> None:
    await ensure_agent(home.runtime())
    async with connected(home) as client:
        for _ in range(20):
            home.clock.move(100)
            await client.ask_about()
            await asyncio.sleep(0.03)
    home.clock.move(40)
    assert (await home.status())["running"] is True
    while home.agent_pid is not None:
        home.clock.move(61)
        await asyncio.sleep(0.05)
    assert not home.runtime().places.agent_socket.exists()
    log = (home.runtime().places.logs / "agent.log").read_text()
    assert "leaving: there is nothing to do" in log


async def test_an_agent_that_is_to_stay_stays_with_nothing_to_do(home: Home) -> None:
    agent = home.start(["agent", "--stay"])
    await until(home.runtime().places.agent_socket.exists, "the agent listens")
    for _ in range(20):
        home.clock.move(100)
        await asyncio.sleep(0.03)
    status = await home.status()
    assert (status["running"], status["stays"], status["pid"]) == (True, True, agent.pid)
    agent.send_signal(signal.SIGTERM)
    assert (await home.finished(agent))[0] == 0, "whoever ends it does not want it back"


async def test_an_agent_that_is_to_stay_makes_room_for_a_newer_program_and_wants_to_be_back(home: Home) -> None:
    agent = home.start(["agent", "--stay"], program_version="0.0.1")
    await until(home.runtime().places.agent_socket.exists, "the agent listens")
    newer = await ensure_agent(home.runtime())
    assert newer.status.pid != agent.pid
    assert (await home.finished(agent))[0] == GAVE_WAY


async def test_an_agent_whose_home_was_removed_does_not_live_on(home: Home) -> None:
    await home.submit("eu-west-1", host_id="another-host")
    agent = home.start(["agent"])
    await until(home.runtime().places.agent_socket.exists, "the agent listens")
    removed = Path(home.environment["AIC_TUI_HOME"])

    def is_removed() -> bool:
        shutil.rmtree(removed, ignore_errors=True)
        return not removed.exists()

    await until(is_removed, "its home is gone")
    code, _, err = await home.finished(agent)
    assert (code, err) == (0, "")


async def test_an_agent_stays_while_a_job_waits(home: Home) -> None:
    await home.submit("eu-west-1", host_id="another-host")
    start = await ensure_agent(home.runtime())
    for _ in range(20):
        home.clock.move(100)
        await asyncio.sleep(0.03)
    assert (await home.status())["pid"] == start.status.pid


async def test_the_job_of_a_killed_process_is_taken_up_when_its_lease_ends(home: Home, tmp_path: Path) -> None:
    job = await home.submit("eu-west-1")
    holder = home.hold(job.id, tmp_path / "go")
    assert await read_line(holder) == "working"
    await ensure_agent(home.runtime())
    async with connected(home) as client:
        await client.nudge()
        assert (await home.job(job)).holder == f"holder:{holder.pid}"
        holder.kill()
        home.clock.move(JOB_LEASE_SECONDS + 1)
        ended = await home.ended(job)
    assert (ended.state, ended.fence) == (JobState.DONE, 2)
    assert await home.region() == "eu-west-1"


async def test_a_frozen_holder_that_wakes_does_nothing(home: Home, tmp_path: Path) -> None:
    job = await home.submit("eu-west-1")
    go = tmp_path / "go"
    holder = home.hold(job.id, go)
    assert await read_line(holder) == "working"
    holder.send_signal(signal.SIGSTOP)
    await ensure_agent(home.runtime())
    home.clock.move(JOB_LEASE_SECONDS + 1)
    ended = await home.ended(job)
    go.touch()
    holder.send_signal(signal.SIGCONT)
    assert await read_line(holder) == "LeaseLost"
    assert await home.job(job) == ended
    assert await home.region() == "eu-west-1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_cleanly(home: Home, number: signal.Signals) -> None:
    agent = home.start(["agent"])
    places = home.runtime().places
    await until(places.agent_socket.exists, "the agent listens")
    agent.send_signal(number)
    code, _, err = await home.finished(agent)
    assert (code, err) == (0, "")
    assert not places.agent_socket.exists()
    assert home.agent_pid is None


async def test_a_socket_left_by_a_killed_agent_is_no_agent(home: Home) -> None:
    start = await ensure_agent(home.runtime())
    os.kill(start.status.pid, signal.SIGKILL)
    await home.agent_gone()
    assert home.runtime().places.agent_socket.exists()
    with pytest.raises(Unreachable, match="No agent is running"):
        await AgentClient.connect(home.runtime().places)
    assert (await ensure_agent(home.runtime())).started


async def test_an_agent_leaves_when_a_newer_program_upgrades_the_database(home: Home) -> None:
    await ensure_agent(home.runtime())
    path = home.runtime().places.database_file
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    await home.agent_gone()
    with pytest.raises(AicError, match=r"(?i)newer"):
        await ensure_agent(home.runtime())


async def test_one_pass_answers_in_json_and_carries_out_waiting_jobs(home: Home) -> None:
    job = await home.submit("eu-west-1")
    code, out, err = await home.finished(home.start(["agent", "--once", "-o", "json"]))
    assert (code, err) == (0, "")
    summary = last_json(out)
    assert (summary["full"], summary["accounts"], summary["problems"]) == (True, 0, [])
    assert (summary["jobs_done"], summary["jobs_failed"]) == (1, 0)
    assert (await home.job(job)).state is JobState.DONE
    assert home.agent_pid is None


async def test_a_database_password_is_not_given_to_an_agent_in_its_environment(home: Home) -> None:
    runtime = home.runtime(AIC_TUI_DATABASE_URL="postgresql+asyncpg://me:hunter22@127.0.0.1/x")
    with pytest.raises(NotConfigured, match="holds a password") as caught:
        await ensure_agent(runtime)
    assert "hunter22" not in f"{caught.value} {caught.value.next_step}"


async def test_a_lost_agent_is_noticed_and_started_again(home: Home) -> None:
    client, first = await connect_agent(home.runtime())
    gone = asyncio.Event()
    client.on_closed = gone.set
    os.kill(first.status.pid, signal.SIGKILL)
    await asyncio.wait_for(gone.wait(), 10)
    again = await ensure_agent(home.runtime())
    assert again.started
    assert again.status.pid != first.status.pid
    await client.aclose()


async def test_the_unit_names_the_home_and_no_secret(home: Home) -> None:
    told = install(home.runtime(**SECRETS))
    text = Path(str(told["path"])).read_text()
    assert f'"AIC_TUI_HOME={home.environment["AIC_TUI_HOME"]}"' in text
    assert not [value for value in SECRETS.values() if value in text]
    assert '"agent" "--stay"\n' in text
    assert "systemctl --user" in str(told["enable"])
