"""What needs a person, and the figures of the header, from rows alone."""

from __future__ import annotations

import pytest

from aicompute_tui.services.attention import needs
from aicompute_tui.services.figures import figures
from aicompute_tui.store.rows import InstanceRow, Snapshot
from aicompute_tui.ui.format import STATE_LOOKS, age, moment, money, price, span
from aicompute_tui.ui.glyphs import ASCII, UNICODE, glyphs_for
from aicompute_tui.ui.state import ConsoleState
from aicompute_tui.ui.widgets.header_line import HeaderView, header_content
from tests.ui.console_world import (
    HOUR,
    MINUTE,
    NOW,
    connection_row,
    job,
    machine,
    reading,
    server_row,
    sighting,
)


def state_of(snapshot: Snapshot) -> ConsoleState:
    state = ConsoleState()
    state.apply(snapshot)
    return state


@pytest.mark.parametrize(
    ("row", "level", "said"),
    [
        (machine("m", state="unknown"), "bad", "may burn $0.42/h"),
        (machine("m", state="unknown", price_usd_per_hour=None), "bad", "cost unknown"),
        (machine("m", state="lost"), "bad", "no longer knows"),
        (machine("m", desired_state="terminated", error_message="Not allowed."), "bad", "not ended yet: Not allowed."),
        (machine("m", desired_state="terminated", state="terminating"), "warn", "has been ending for 1h"),
        (machine("m", expires_at=None), "bad", "never ends by itself, burns $0.42/h"),
        (machine("m", expires_at=NOW - 3 * MINUTE), "bad", "should have ended 3m ago"),
        (machine("m", expires_at=NOW + 15 * MINUTE), "warn", "ends in 15m"),
        (machine("m", state="degraded"), "warn", "checks fail"),
    ],
)
def test_a_machine_that_needs_someone_says_why(row: InstanceRow, level: str, said: str) -> None:
    found = needs(state_of(reading([row])), NOW)
    assert [(need.level, need.row_id) for need in found] == [(level, "id-m")]
    assert said in found[0].text


@pytest.mark.parametrize(
    "row",
    [
        machine("m"),
        machine("m", expires_at=NOW + 16 * MINUTE),
        machine("m", state="lost", acknowledged_at=NOW),
        machine("m", state="terminated", ended_at=NOW, expires_at=None),
        machine("m", desired_state="terminated", state="terminating", state_since=NOW - MINUTE, expires_at=None),
    ],
)
def test_a_machine_that_is_well_asks_for_nobody(row: InstanceRow) -> None:
    assert needs(state_of(reading([row])), NOW) == []


def test_orphans_count_and_foreign_machines_do_not() -> None:
    found = needs(state_of(reading(sightings=[sighting("kid", "orphan"), sighting("ben")])), NOW)
    assert [(need.subject, need.action_id) for need in found] == [("kid", "instance.adopt")]


def test_a_failed_job_is_shown_for_half_an_hour_and_the_worst_comes_first() -> None:
    failed = job("instance.launch", "failed", error_message="No capacity.", ended_at=NOW - 20 * MINUTE)
    old = failed._replace(id="old", ended_at=NOW - HOUR)
    found = needs(state_of(reading([machine("m", state="lost")], jobs=[failed, old])), NOW)
    assert [need.level for need in found] == ["bad", "warn"]
    assert "No capacity." in found[1].text


def test_figures_add_up_and_leave_out_what_nobody_knows() -> None:
    rows = [
        machine("a", price_usd_per_hour=1.0),
        machine("b", price_usd_per_hour=None),
        machine("c", state="stopped", billing_since=None, settled_nano_usd=2_000_000_000),
        machine("d", state="unknown", remote_id=None, billing_since=None, price_usd_per_hour=3.0, launched_at=None),
        machine("e", state="terminated", ended_at=NOW, billing_since=None, settled_nano_usd=500_000_000),
    ]
    found = figures(reading(rows), NOW)
    assert (found.running, found.total, found.unpriced_count) == (2, 4, 1)
    assert found.burn_usd_per_hour == pytest.approx(4.0)
    assert found.today_nano_usd == found.month_nano_usd == 3_500_000_000


def test_every_state_has_a_sign_and_a_twin_of_its_own() -> None:
    assert len({look.glyph for look in STATE_LOOKS.values()}) == len(STATE_LOOKS)
    assert len({look.twin for look in STATE_LOOKS.values()}) == len(STATE_LOOKS)
    assert all(look.twin.isascii() and len(look.twin) == 1 for look in STATE_LOOKS.values())


def test_figures_as_text() -> None:
    assert money(1234.5, UNICODE) == "$1,234.50"
    assert price(None, UNICODE) == "–"
    assert price(None, ASCII) == "-"
    assert [span(seconds) for seconds in (0, 59, 60, 7_800, 359_999)] == ["<1m", "<1m", "1m", "2h10", "4d03"]
    assert age(None, NOW, UNICODE) == "–"
    assert moment(NOW, utc=True, now=NOW, glyphs=UNICODE) == "14:02Z"
    assert moment(NOW - 86_400, utc=True, now=NOW, glyphs=UNICODE) == "11-19 14:02Z"


@pytest.mark.parametrize(
    ("environment", "glyphs"),
    [
        ({}, UNICODE),
        ({"LANG": "en_CA.UTF-8"}, UNICODE),
        ({"LANG": "de_DE.ISO-8859-1"}, ASCII),
        ({"LC_ALL": "C", "LANG": "en_CA.UTF-8"}, ASCII),
    ],
)
def test_a_terminal_without_utf8_gets_ascii(environment: dict[str, str], glyphs: object) -> None:
    assert glyphs_for(environment) is glyphs


@pytest.mark.parametrize("width", range(1, 140))
def test_the_header_fills_its_width_and_keeps_the_burn_rate_longest(width: int) -> None:
    view = HeaderView(
        ("Machines", "数据-处理机"), "emb", figures(reading([machine("a")]), NOW), "off", 12, demo=True, read_only=True
    )
    content = header_content(view, width, UNICODE)
    assert content.cell_length == width
    if width >= 80:
        assert "$0.42/h" in content.plain
        assert "12 alerts" in content.plain
        assert "no agent" in content.plain


def test_a_connection_or_a_server_in_use_that_is_down_needs_someone() -> None:
    down = {"state": "down", "problem": "Nothing answers.", "since": NOW - HOUR}
    slow = {"state": "degraded", "problem_kind": "Slow", "problem": "answers slower than 900 ms"}
    found = needs(
        state_of(
            reading(
                connections=[
                    connection_row("box", **down),
                    connection_row("held", **down, is_held_back=1),
                    connection_row("off", **down, is_active=0),
                    connection_row("slow", **slow),
                    connection_row("well", state="up"),
                    connection_row("busy", state="degraded", problem_kind="RateLimited", problem="wants fewer"),
                ],
                servers=[server_row("gpu1", **down)],
            )
        ),
        NOW,
    )
    assert [(need.level, need.kind, need.subject, need.text, need.action_id) for need in found] == [
        ("bad", "connection-down", "box", "Nothing answers.", "connection.test"),
        ("bad", "connection-down", "held", "out of use until it answers: Nothing answers.", "connection.test"),
        ("bad", "server-down", "gpu1", "Nothing answers.", "server.check"),
        ("warn", "connection-slow", "slow", "answers slower than 900 ms", "connection.test"),
    ]
