"""The node ends itself: the packaged scripts run for real, with stand-ins for what would switch the machine off."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.services.user_data import render_user_data
from aicompute_tui.settings.packaged import DATA
from tests.contract.node_world import Node, faketime_library, namespaces_work
from tests.needs import need

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=8)
CAP = START + timedelta(hours=24)
POWER_OFF = ["shutdown -h now"]


def epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def user_data(end: datetime | None = END, cap: datetime | None = CAP, launch_id: str = "0193-aa") -> str:
    return render_user_data(expires_at=end, max_expires_at=cap, launch_id=launch_id)


@pytest.fixture
def bare_node(tmp_path: Path) -> Node:
    """A machine that has not run its user-data yet."""
    need("namespaces", namespaces_work(), "allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1)")
    for tool, package in (("ip", "iproute2"), ("curl", "curl"), ("systemctl", "systemd")):
        need(package, shutil.which(tool) is not None, f"apt-get install {package}")
    need("faketime", faketime_library() is not None, "apt-get install faketime")
    return Node(tmp_path, now=START)


@pytest.fixture
def node(bare_node: Node) -> Node:
    """A machine half an hour into its eight hours."""
    bare_node.first_boot(user_data())
    bare_node.now += timedelta(minutes=30)
    bare_node.set_uptime(1_820)
    bare_node.minute()
    assert bare_node.calls() == []
    return bare_node


def test_scripts_pass_shellcheck(tmp_path: Path) -> None:
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    script = tmp_path / "user-data.sh"
    script.write_text(user_data())
    subprocess.run(["shellcheck", script, DATA / "node/deadman.sh", DATA / "node/user-data.sh"], check=True)


def test_units_pass_systemd_analyze(node: Node) -> None:
    need("systemd", shutil.which("systemd-analyze") is not None, "apt-get install systemd")
    units = [f"/etc/systemd/system/aic-tui-deadman.{kind}" for kind in ("service", "timer")]
    said = node.run("systemd-analyze", "verify", "--man=no", *units)
    assert node.file("status") == "0", said
    assert "aic-tui" not in said


def test_runs_on_before_its_end_and_powers_off_at_it(node: Node) -> None:
    assert node.file("etc/aic-tui/end") == epoch(END)
    assert node.file("etc/aic-tui/max-end") == epoch(CAP)
    node.now = END - timedelta(seconds=1)
    node.minute()
    assert node.calls() == []
    node.now = END
    node.minute()
    assert node.calls() == POWER_OFF


def test_escalates_each_minute_while_the_machine_stays_up(node: Node) -> None:
    node.now = END
    for expected in (POWER_OFF, ["systemctl poweroff --force"]):
        node.minute()
        assert node.calls() == expected
        assert node.file("proc/sysrq-trigger") == ""
        node.now += timedelta(minutes=1)
    node.minute()
    assert node.calls() == []
    assert node.file("proc/sysrq-trigger") == "o"


def test_goes_straight_to_the_last_resort_where_commands_fail(node: Node) -> None:
    node.fail("shutdown", "systemctl")
    node.now = END
    node.minute()
    assert node.calls() == ["shutdown -h now", "systemctl poweroff --force"]
    assert node.file("proc/sysrq-trigger") == "o"


def test_end_holds_over_a_reboot(node: Node) -> None:
    node.power_on()
    node.now += timedelta(hours=1)
    node.minute()
    assert node.calls() == []
    node.now = END + timedelta(seconds=5)
    node.set_uptime(7 * 3_600)
    node.minute()
    assert node.calls() == POWER_OFF


def test_started_after_the_end_it_knows_it_asks_for_a_new_one_before_it_goes(node: Node) -> None:
    node.now = END + timedelta(hours=1)
    node.power_on(uptime=2)
    node.minute()
    assert node.calls() == []
    node.tag = f"{END + timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
    node.set_uptime(62)
    node.minute()
    assert node.calls() == []
    assert node.file("etc/aic-tui/end") == epoch(END + timedelta(hours=3))


def test_started_after_its_end_it_goes_as_soon_as_the_tag_says_so(node: Node) -> None:
    node.now = END + timedelta(hours=1)
    node.power_on(uptime=40)
    node.tag = f"{END:%Y-%m-%dT%H:%M:%SZ}"
    node.minute()
    assert node.calls() == POWER_OFF


def test_started_after_its_end_it_does_not_wait_long_for_a_network(node: Node) -> None:
    node.now = END + timedelta(hours=1)
    node.power_on(uptime=2)
    node.minute()
    assert node.calls() == []
    node.now += timedelta(minutes=4)
    node.set_uptime(242)
    node.minute()
    assert node.calls() == POWER_OFF


def test_stopped_and_started_after_its_cap_it_powers_off_in_the_first_moments(node: Node) -> None:
    node.now = END + timedelta(days=3)
    node.power_on(uptime=2)
    node.minute()
    assert node.calls() == POWER_OFF


def test_a_clock_put_back_a_day_gives_no_time_away(node: Node) -> None:
    node.now -= timedelta(days=1)
    node.set_uptime(1_820 + 7.5 * 3_600 - 2)
    node.minute()
    assert node.calls() == []
    node.set_uptime(1_820 + 7.5 * 3_600)
    node.minute()
    assert node.calls() == POWER_OFF


def test_a_clock_put_back_is_still_noticed_after_a_reboot(node: Node) -> None:
    node.now = END - timedelta(minutes=1)
    node.minute()
    node.now = START - timedelta(days=1)
    node.power_on(uptime=1)
    node.minute()
    assert node.calls() == []
    node.set_uptime(302)
    node.minute()
    assert node.calls() == POWER_OFF


def test_a_clock_put_forward_ends_the_machine_early_rather_than_late(node: Node) -> None:
    real = node.now
    node.now += timedelta(hours=5)
    node.minute()
    assert node.calls() == []
    node.now = real
    node.set_uptime(1_820 + 2.5 * 3_600)
    node.minute()
    assert node.calls() == POWER_OFF
    node.now = END + timedelta(days=1)
    node.minute()
    assert node.calls() == ["systemctl poweroff --force"]


def test_tag_extends_the_end_and_the_new_end_outlives_the_metadata(node: Node) -> None:
    node.tag = "2026-11-20T20:00:00Z"
    node.minute()
    assert node.file("etc/aic-tui/end") == epoch(START + timedelta(hours=11))
    node.tag = None
    node.power_on()
    node.now = END + timedelta(hours=1)
    node.minute()
    assert node.calls() == []
    node.now = START + timedelta(hours=11)
    node.set_uptime(2 * 3_600)
    node.minute()
    assert node.calls() == POWER_OFF


def test_tag_may_bring_the_end_forward(node: Node) -> None:
    node.tag = node.now.isoformat()
    node.minute()
    assert node.calls() == POWER_OFF


@pytest.mark.parametrize("tag", ["2027-11-20T20:00:00Z", "none"])
def test_tag_beyond_the_cap_is_held_to_it(node: Node, tag: str) -> None:
    node.tag = tag
    node.minute()
    assert node.file("etc/aic-tui/end") == epoch(CAP)
    node.now = CAP
    node.minute()
    assert node.calls() == POWER_OFF


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "soon",
        "2026-11-20T20:00:00",
        "2026-13-45T20:00:00Z",
        "2026-11-20T20:00:00Z; touch /etc/hacked",
        "$(touch /etc/hacked)",
        "9999999999999999999999",
        pytest.param("<html><body>Service Unavailable</body></html>" * 50, id="html"),
        "<hangs>",
    ],
)
def test_tag_that_makes_no_sense_changes_nothing(node: Node, tag: str) -> None:
    node.tag = tag
    node.minute()
    assert node.file("etc/aic-tui/end") == epoch(END)
    assert not (node.folder / "etc/hacked").exists()
    node.now = END
    node.minute()
    assert node.calls() == POWER_OFF


def test_user_data_run_again_moves_no_end(node: Node) -> None:
    node.tag = "2026-11-20T12:00:00Z"
    node.minute()
    node.first_boot(user_data())
    assert node.file("etc/aic-tui/end") == epoch(START + timedelta(hours=3))
    node.now = START + timedelta(hours=3)
    node.minute()
    assert node.calls() == POWER_OFF


def test_machine_without_end_runs_on_until_a_tag_gives_it_one(bare_node: Node) -> None:
    bare_node.first_boot(user_data(end=None, cap=None))
    bare_node.now += timedelta(days=400)
    bare_node.minute()
    assert bare_node.calls() == []
    bare_node.tag = (bare_node.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    bare_node.minute()
    bare_node.tag = None
    bare_node.now += timedelta(hours=1)
    bare_node.set_uptime(401 * 86_400)
    bare_node.minute()
    assert bare_node.calls() == POWER_OFF


@pytest.mark.parametrize("folder", ["/etc", "/var/lib", "/run"])
@pytest.mark.parametrize("trouble", ["read-only", "full"])
def test_ends_although_nothing_can_be_written(node: Node, folder: str, trouble: str) -> None:
    copy = node.folder / "copy"
    node.before = {
        "read-only": [f"mount -o remount,bind,ro {folder}"],
        "full": [
            f"rm -rf {copy} && cp -a {folder} {copy}",
            f"mount -t tmpfs -o size=128k full {folder} && cp -a {copy}/. {folder}",
            f"dd if=/dev/zero of={folder}/filler bs=4k 2>/dev/null || true",
        ],
    }[trouble]
    node.minute()
    assert node.calls() == []
    node.now = END
    node.minute()
    assert node.calls()[:1] == POWER_OFF


def test_extension_counts_while_it_cannot_be_written_down(node: Node) -> None:
    node.before = ["mount -o remount,bind,ro /etc"]
    node.tag = "2026-11-20T20:00:00Z"
    node.now = END
    assert "could not be written" in node.minute()
    assert node.calls() == []


@pytest.mark.parametrize(("lost", "still_ends_at"), [("end", CAP), ("max-end", END)])
def test_one_damaged_file_leaves_the_other_to_end_the_machine(node: Node, lost: str, still_ends_at: datetime) -> None:
    (node.folder / "etc/aic-tui" / lost).write_bytes(b"\0\xff rubbish")
    node.now = still_ends_at - timedelta(seconds=1)
    node.minute()
    assert node.calls() == []
    node.now = still_ends_at
    node.minute()
    assert node.calls() == POWER_OFF


def test_both_files_lost_it_powers_off(node: Node) -> None:
    for name in ("end", "max-end"):
        (node.folder / "etc/aic-tui" / name).unlink()
    node.minute()
    assert node.calls() == POWER_OFF


@pytest.mark.parametrize("folder", ["/etc", "/usr/local/sbin"])
def test_machine_that_cannot_be_guarded_does_not_run(bare_node: Node, folder: str) -> None:
    bare_node.before = [f"mount -o remount,bind,ro {folder}"]
    bare_node.first_boot(user_data())
    assert bare_node.calls() == POWER_OFF


def test_end_already_past_when_user_data_runs(bare_node: Node) -> None:
    bare_node.now = END + timedelta(minutes=1)
    bare_node.first_boot(user_data())
    bare_node.minute()
    assert bare_node.calls() == POWER_OFF


def test_image_made_of_a_node_does_not_end_the_next_machine(node: Node) -> None:
    node.now = CAP + timedelta(days=30)
    identity = node.folder / "sys/devices/virtual/dmi/id/board_asset_tag"
    identity.write_text("i-0bbbbbbbbbbbbbbb2\n")
    node.power_on()
    node.minute()
    assert node.calls() == []
    end = node.now + timedelta(hours=1)
    node.first_boot(user_data(end, end + timedelta(hours=1), launch_id="0193-bb"))
    node.minute()
    assert node.calls() == []
    node.now = end
    node.set_uptime(3_600)
    node.minute()
    assert node.calls() == POWER_OFF
