"""How the watch gets onto a machine at its first start, and that it is written as its tools want it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from aicompute_tui.services.user_data import NodeOrder, render_user_data
from aicompute_tui.settings.packaged import DATA
from tests.contract.node_world import Node
from tests.contract.watch_world import START
from tests.contract.watched_machine import require_all
from tests.needs import need


@pytest.fixture
def bare(tmp_path: Path) -> Node:
    """A machine before its first start, with a login user who has a key already."""
    require_all()
    bare = Node(tmp_path, now=START)
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "home/.ssh").chmod(0o700)
    (tmp_path / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\nubuntu:x:0:0::{tmp_path}/home:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    return bare


KEYS = ("ssh-ed25519 AAAAC3NzaC1 aic-tui", "ssh-rsa AAAAB3Nza ada@desk")


def first_start(framework: str = "vllm") -> str:
    order = NodeOrder(framework=framework, models=("org/model",), idle_seconds=900, gpu_count=1, public_keys=KEYS)
    end = START + timedelta(hours=8)
    return render_user_data(expires_at=end, max_expires_at=end, launch_id="0193-aa", node=order)


def test_first_start_installs_everything_once_and_a_second_run_changes_nothing(bare: Node) -> None:
    keys = bare.folder / "home/.ssh/authorized_keys"
    keys.write_text("ssh-rsa AAAAB3Nza given-by-the-cloud\nssh-rsa AAAAother x")
    for _ in range(2):
        said = bare.first_boot(first_start())
        assert "aic-tui:" not in said
        assert keys.read_text() == f"ssh-rsa AAAAB3Nza given-by-the-cloud\nssh-rsa AAAAother x\n{KEYS[0]}\n"
        assert keys.stat().st_mode & 0o777 == 0o600
        for name in ("watch", "setup", "deadman"):
            assert (bare.folder / f"sbin/aic-tui-{name}").stat().st_mode & 0o777 == 0o755
        wanted = bare.folder / "etc/systemd/system/multi-user.target.wants"
        assert sorted(path.name for path in wanted.iterdir()) == ["aic-tui-setup.service", "aic-tui-watch.service"]
        assert bare.calls() == []
    assert "idle_seconds='900'" in bare.file("etc/aic-tui/node.conf")


def test_machine_made_from_the_image_of_another_gets_none_of_its_secrets(bare: Node) -> None:
    bare.first_boot(first_start())
    secrets = bare.folder / "etc/aic-tui/secrets.env"
    secrets.write_text("HF_TOKEN=hf_x\n")
    bare.first_boot(first_start())
    assert secrets.exists(), "the same launch, run again"
    bare.calls_file.write_text("")
    bare.first_boot(first_start().replace("0193-aa", "0193-bb"))
    assert not secrets.exists()
    started = "systemctl restart --no-block aic-tui-setup.service"
    assert started in bare.calls_file.read_text(), "one that runs already has read the other launch's order"


def test_login_user_without_keys_gets_them(bare: Node) -> None:
    (bare.folder / "home/.ssh").rmdir()
    bare.first_boot(first_start())
    keys = bare.folder / "home/.ssh/authorized_keys"
    assert keys.read_text().splitlines() == list(KEYS)
    assert (bare.folder / "home/.ssh").stat().st_mode & 0o777 == 0o700
    assert keys.stat().st_mode & 0o777 == 0o600


def test_login_that_is_not_there_stops_nothing_else(bare: Node) -> None:
    (bare.folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    assert "could not be given to ubuntu" in bare.first_boot(first_start())
    assert (bare.folder / "sbin/aic-tui-watch").exists()
    assert bare.calls() == []


def test_machine_without_a_framework_of_ours_gets_no_set_up(bare: Node) -> None:
    bare.first_boot(first_start("tei"))
    assert not (bare.folder / "sbin/aic-tui-setup").exists()
    assert (bare.folder / "sbin/aic-tui-watch").exists()


def test_units_pass_systemd_analyze(bare: Node) -> None:
    need("systemd", shutil.which("systemd-analyze") is not None, "apt-get install systemd")
    bare.first_boot(first_start())
    units = [f"/etc/systemd/system/aic-tui-{name}.service" for name in ("watch", "setup")]
    said = bare.run("systemd-analyze", "verify", "--man=no", *units)
    assert bare.file("status") == "0", said
    assert "aic-tui" not in said


def test_script_passes_shellcheck() -> None:
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    subprocess.run(["shellcheck", DATA / "node/watch.sh"], check=True)
