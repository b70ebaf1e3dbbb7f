"""What the confirm dialog says before something ends: figures, what is lost, and what must be typed."""

from __future__ import annotations

import pytest

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import JsonObject

MACHINE: JsonObject = {
    "id": "0193",
    "name": "llama70-ca",
    "uptime_seconds": 18_720,
    "cost_usd": 6.29,
    "price_usd_per_hour": 1.21,
    "volume_gib": 120,
    "models": ["llama-70b"],
    "endpoint": "http://127.0.0.1:18412/v1",
    "protected": False,
    "state": "ready",
}


def test_terminate_says_time_cost_saving_and_loss() -> None:
    damage = damage_of(ACTIONS["instance.terminate"], [MACHINE])
    assert damage.question == "Terminate llama70-ca?"
    assert damage.lines[0] == "running 5h12, $6.29 so far, saves $1.21/h from now"
    assert damage.lines[1] == "loses  its 120 GiB volume, the endpoint of llama-70b"
    assert damage.verb == "Terminate llama70-ca"
    assert damage.typed_name is None


def test_an_endpoint_that_was_never_there_is_not_lost() -> None:
    damage = damage_of(ACTIONS["instance.terminate"], [{**MACHINE, "endpoint": None}])
    assert damage.lines[1] == "loses  its 120 GiB volume"


def test_a_protected_machine_wants_its_name() -> None:
    damage = damage_of(ACTIONS["instance.terminate"], [{**MACHINE, "protected": True}])
    assert damage.typed_name == "llama70-ca"


def test_only_the_protected_of_several_want_their_names() -> None:
    rows: list[JsonObject] = [MACHINE, {**MACHINE, "name": "lab", "protected": True}]
    damage = damage_of(ACTIONS["instance.terminate"], rows)
    assert damage.question == "Terminate 2 machines?"
    assert damage.verb == "Terminate 2 machines"
    assert damage.typed_name == "lab"
    assert "together $12.58 so far, saves $2.42/h from now" in damage.lines
    assert damage.lines[0] == "llama70-ca  running 5h12, $6.29"


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    damage = damage_of(ACTIONS["instance.terminate"], [{"id": "0193", "state": "unknown"}])
    assert damage.question == "Terminate 0193?"
    assert damage.lines[0] == "unknown, cost so far unknown, price unknown"


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    damage = damage_of(ACTIONS["instance.terminate"], [MACHINE, {**MACHINE, "cost_usd": None}])
    assert "together cost so far unknown, saves $2.42/h from now" in damage.lines


def test_many_machines_are_counted_not_listed() -> None:
    damage = damage_of(ACTIONS["instance.terminate"], [MACHINE] * 40)
    assert "and 34 more" in damage.lines
    assert len(damage.lines) < 12


def test_stop_keeps_the_volume_and_says_it_is_billed() -> None:
    damage = damage_of(ACTIONS["instance.stop"], [MACHINE])
    assert damage.verb == "Stop llama70-ca"
    assert any("still billed" in line for line in damage.lines)


def test_reboot_saves_nothing() -> None:
    assert not any("saves" in line for line in damage_of(ACTIONS["instance.reboot"], [MACHINE]).lines)


def test_another_stores_machine_is_adopted_by_its_name_only() -> None:
    foreign: JsonObject = {"name": "theirs", "ownership": "foreign", "owner": "ann", "store_id": "s2"}
    assert damage_of(ACTIONS["instance.adopt"], [foreign]).typed_name == "theirs"
    assert damage_of(ACTIONS["instance.adopt"], [{**foreign, "ownership": "orphan"}]).typed_name is None


def test_every_dangerous_action_has_words_of_its_own() -> None:
    for action in ACTIONS.values():
        if action.dangerous:
            damage = damage_of(action, [{**MACHINE, "title": "Launch a machine", "action_id": "instance.launch"}])
            assert damage.question.endswith("?")
            assert damage.lines != (action.help,), action.id
            assert damage.verb.lower() not in ("ok", "yes")


def test_an_action_without_words_of_its_own_is_asked_by_its_title() -> None:
    damage = damage_of(ACTIONS["instance.protect"], [MACHINE])
    assert damage.question == "Protect llama70-ca?"


def test_a_row_that_is_not_known_here_is_asked_about_in_general_words() -> None:
    for action in ACTIONS.values():
        if action.dangerous:
            assert damage_of(action, []).question.endswith("?")


@pytest.mark.parametrize(
    "action_id", ["job.cancel", "job.retry", "credential.remove", "connection.remove", "instance.terminate"]
)
def test_what_is_asked_of_several_names_how_many(action_id: str) -> None:
    rows: list[JsonObject] = [
        {"id": f"{number}", "name": f"n{number}", "action_id": "instance.launch", "state": "failed"}
        for number in range(9)
    ]
    damage = damage_of(ACTIONS[action_id], rows)
    assert "9" in damage.question
    assert "9" in damage.verb
    assert len(damage.lines) <= 9


def test_a_retry_says_what_it_does_again_and_what_a_launch_costs() -> None:
    row: JsonObject = {"action_id": "instance.launch", "state": "failed", "error_message": "No capacity.",
                       "parameters": {"type": "g5.xlarge", "model": ["a", "b"], "zone": None}}  # fmt: skip
    damage = damage_of(ACTIONS["job.retry"], [row])
    assert damage.lines[0] == "is  failed, No capacity."
    assert damage.lines[1] == "again  type g5.xlarge, model a, b"
    assert any(line.startswith("costs  ") for line in damage.lines)
