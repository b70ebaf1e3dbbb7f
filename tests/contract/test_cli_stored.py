"""Images, volumes, registry logins and completion from the command line: what is asked, printed, and the exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.contract.cli_world import Cli
from tests.contract.engines import RealEngine, engine, engines, lines_of, two_engines
from tests.contract.registry_world import PASSWORD, USER, Registry, private_registry
from tests.contract.ssh_world import free_port

__all__ = ["engine", "engines", "private_registry", "two_engines"]


@pytest.fixture
def cli(cli: Cli, engine: RealEngine) -> Cli:
    """With the host `box`."""
    assert cli.json("host", "add", "box", engine.unix)["state"] == "up"
    return cli


def test_what_is_removed_wants_a_yes_and_is_named_by_host(cli: Cli, engine: RealEngine) -> None:
    engine.docker("tag", "bb:1", "spare:1")
    engine.add_image("other:1", "exit 0\n")
    listed = cli("image", "list")
    assert listed.out.splitlines()[0].split()[:4] == ["HOST", "NAME", "SIZE", "AGE_SECONDS"]
    refused = cli("image", "remove", "other:1")
    assert (refused.code, "--yes" in refused.err) == (4, True)
    assert cli.json("image", "remove", "other:1", "--yes")[0]["removed"] is True
    assert cli("image", "remove", "other:1", "--yes").code == 3
    engine.run("user", lines_of([]))
    used = cli("image", "remove", "spare:1", "--yes", "-o", "json")
    assert (used.code, used.error["error"], "user" in used.error["message"]) == (4, "Refused", True)
    engine.docker("rmi", "spare:1")


def test_a_prune_is_shown_first_and_a_dead_host_is_named(cli: Cli, engine: RealEngine) -> None:
    engine.docker("volume", "create", "keep")
    engine.docker("run", "--rm", "-v", "keep:/data", "bb:1", "sh", "-c", "head -c 1048576 /dev/zero > /data/file")
    cli("host", "add", "gone", f"tcp://127.0.0.1:{free_port()}")
    dry = cli("volume", "prune", "--all", "--dry-run")
    assert (dry.code, "gone is left out" in dry.err) == (1, True)
    assert "1.0 MiB" in dry.out
    rows = cli.json("volume", "unused", "--all", "--host", "box")
    assert [(row["name"], row["frees_bytes"]) for row in rows] == [("keep", 1 << 20)]
    assert engine.docker("volume", "ls", "-q") == "keep"
    nothing = cli("volume", "prune", "--host", "box", "--yes")
    assert (nothing.code, nothing.out.strip(), "nothing to remove" in nothing.err) == (
        0,
        "HOST  REMOVED  KEPT  FREED  PROBLEM",
        True,
    )
    done = cli.json("volume", "prune", "--all", "--host", "box", "--yes")
    assert [(row["removed"], row["freed_bytes"]) for row in done] == [(1, 1 << 20)]


def test_a_login_comes_on_standard_input_and_a_refused_pull_says_how(
    cli: Cli, engine: RealEngine, private_registry: Registry
) -> None:
    address = f"127.0.0.1:{private_registry.port}"
    image = private_registry.push(engine, "bb:1", "team/bb:1")
    refused = cli("image", "pull", image, "-o", "json")
    assert (refused.code, f"aic-tui registry login {address}" in refused.error["next_step"]) == (1, True)
    assert cli("registry", "login", address, "--user", USER).code == 2
    stored = cli("registry", "login", address, "--user", USER, "--stdin", "-o", "json", stdin=f"{PASSWORD}\n")
    assert stored.data == {"registry": address, "user": USER, "problem": None}
    assert PASSWORD not in stored.out + stored.err
    assert cli.json("image", "pull", image)["name"] == image
    assert [row["user"] for row in cli.json("registry", "list")] == [USER]
    told = cli("event", "list", "-o", "json").out + cli("job", "list", "-o", "json").out
    assert USER in told
    assert PASSWORD not in told
    assert cli("registry", "logout", address).code == 4
    assert cli("registry", "logout", address, "--yes").code == 0
    assert cli.json("registry", "list") == []
    engine.docker("rmi", image)


def test_names_of_hosts_and_containers_are_completed_without_an_agent(cli: Cli, engine: RealEngine) -> None:
    engine.run("webserver", lines_of([]))
    cli("container", "list")
    for words, last, wanted in (
        ("aic-tui container stop", "webs", "webserver"),
        ("aic-tui image list --host", "b", "box"),
        ("aic-tui host test", "", "box"),
    ):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "aicompute_tui"],
            env={
                **cli.child_environment(),
                "_AIC_TUI_COMPLETE": "bash_complete",
                "COMP_WORDS": f"{words} {last}",
                "COMP_CWORD": str(len(words.split())),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert wanted in done.stdout, (words, done.stdout, done.stderr)
        after = os.times()
        assert after.children_user + after.children_system - before.children_user - before.children_system < 2
    assert cli("agent", "--status").code == 1
