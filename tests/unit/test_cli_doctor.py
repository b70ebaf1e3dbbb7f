"""The facts `doctor` reads from the machine around it."""

from __future__ import annotations

import asyncio
import getpass
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.cli.checks import terminal_rows
from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.node import Tunnel, TunnelState
from aicompute_tui.services.doctor import disk, has_failed, without_store
from aicompute_tui.services.node_checks import ssh_findings, tunnel_problem
from aicompute_tui.services.own_key import own_public_key
from aicompute_tui.services.surroundings import agent_answers, clock_skew_seconds, kills_processes_at_logout
from aicompute_tui.settings.places import places_from

SERVER_TIME = datetime(2026, 11, 20, 8, 55, tzinfo=UTC)


def _logind(root: Path, folder: str, text: str) -> None:
    target = root / "etc/systemd" / folder
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_a_logout_ends_nothing_unless_logind_says_so(tmp_path: Path) -> None:
    assert kills_processes_at_logout(tmp_path) is False
    _logind(tmp_path, "logind.conf", "[Login]\n#KillUserProcesses=no\nKillUserProcesses=yes\n")
    assert kills_processes_at_logout(tmp_path) is True
    _logind(tmp_path, "logind.conf.d/50-off.conf", "[Login]\nKillUserProcesses=no\n")
    assert kills_processes_at_logout(tmp_path) is False


def test_a_user_who_lingers_keeps_processes(tmp_path: Path) -> None:
    _logind(tmp_path, "logind.conf", "[Login]\nKillUserProcesses=yes\n")
    linger = tmp_path / "var/lib/systemd/linger"
    linger.mkdir(parents=True)
    (linger / getpass.getuser()).touch()
    assert kills_processes_at_logout(tmp_path) is False


def test_a_configuration_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    _logind(tmp_path, "logind.conf", "KillUserProcesses=yes\n")
    assert kills_processes_at_logout(tmp_path) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("offset", [0, 3600, -3600])
async def test_the_clock_is_compared_with_the_servers(offset: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 08:55:00 GMT\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        skew = await clock_skew_seconds(f"http://127.0.0.1:{port}/", lambda: SERVER_TIME + timedelta(seconds=offset))
    assert skew is not None
    assert abs(skew - offset) <= 1


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/", "nonsense", "http://"])
async def test_a_clock_without_a_server_is_unknown(url: str) -> None:
    assert await clock_skew_seconds(url, lambda: SERVER_TIME) is None


@pytest.mark.asyncio
async def test_no_socket_is_no_agent(tmp_path: Path) -> None:
    assert await agent_answers(tmp_path / "absent.sock") is False


def test_without_a_database_the_rest_is_still_said(tmp_path: Path) -> None:
    places = places_from({"AIC_TUI_HOME": str(tmp_path)})
    rows = without_store(places, NotConfigured("It lies on a network file system.", "Move it."))
    by_name = {row["check"]: row for row in rows}
    assert by_name["database"]["verdict"] == "failed"
    assert by_name["database"]["next_step"] == "Move it."
    assert by_name["python"]["verdict"] == "ok"
    assert has_failed(rows)


def test_little_room_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = places_from({"AIC_TUI_HOME": str(tmp_path)})
    places.ensure()
    for free, verdict in ((50, "failed"), (500, "warning"), (5000, "ok")):
        usage = type("Usage", (), {"free": free << 20})
        monkeypatch.setattr("aicompute_tui.services.doctor.shutil.disk_usage", lambda _path, usage=usage: usage)
        assert disk(places)["verdict"] == verdict


def test_where_there_is_no_terminal_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row["verdict"] for row in terminal_rows({})] == ["unknown"]


def test_a_key_that_others_read_or_host_keys_they_change_fail(tmp_path: Path) -> None:
    places = places_from({"AIC_TUI_HOME": str(tmp_path)})
    assert not has_failed(ssh_findings(places))
    own_public_key(places)
    places.known_hosts.touch(0o600)
    assert not has_failed(ssh_findings(places))
    places.ssh_key.chmod(0o640)
    places.known_hosts.chmod(0o620)
    by_name = {row["check"]: row for row in ssh_findings(places)}
    assert by_name["ssh key"]["next_step"] == f"chmod 600 {places.ssh_key}"
    assert by_name["host keys"]["verdict"] == "failed"


def test_without_openssh_a_warning_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = {row["check"]: row for row in ssh_findings(places_from({"AIC_TUI_HOME": str(tmp_path)}))}
    assert rows["openssh"]["verdict"] == "warning"
    assert "openssh-client" in str(rows["openssh"]["next_step"])


def test_a_tunnel_nobody_keeps_and_one_whose_port_is_taken_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        tunnel = Tunnel(instance_id="a", host_id="b", remote_port=1, local_port=port, state=TunnelState.OPENING)
        assert "another program" in tunnel_problem(tunnel, is_kept=True)
        assert tunnel_problem(replace(tunnel, state=TunnelState.OPEN), is_kept=True) == ""
        assert "another program" in tunnel_problem(replace(tunnel, state=TunnelState.OPEN), is_kept=False)
    assert "no agent" in tunnel_problem(tunnel, is_kept=False)
    assert tunnel_problem(tunnel, is_kept=True) == ""
