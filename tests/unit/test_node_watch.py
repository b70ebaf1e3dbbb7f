"""A machine's answers about itself: read whole or not at all, dated on our clock, and never in the way of the next."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.node import NodeReading, SetupStage, StepState
from aicompute_tui.metrics.node_watch import WatchParser, watch_command

NODE_NOW = 1_800_000_000
OURS = datetime.fromtimestamp(NODE_NOW, UTC)
GPU = "0, GPU-1, 570.1, 46068, 21000, 37, 61, 210.5, 350.0, NVIDIA L40S"
ROUND = f"""@aic-tui 1 {NODE_NOW}
@progress
boot\tdone\t\t100\t{NODE_NOW - 300}\t{NODE_NOW - 240}\t
image\trunning\t\t41\t{NODE_NOW - 60}\t\tpulls vllm/vllm-openai
model\twaiting\tQwen/Qwen3-8B\t\t\t\t
@activity
checked\t{NODE_NOW - 10}
idle_since\t{NODE_NOW - 90}
limit\t1800
ends\t{NODE_NOW + 1710}
busy\t
running\t0
waiting\t
kv_percent\t1.5
models\tQwen/Qwen3-8B, other
notice\t
@gpu 0
{GPU}
@end
"""


def fed(text: str, now: datetime | None = OURS) -> list[NodeReading]:
    parser = WatchParser()
    return [reading for line in text.splitlines() if (reading := parser.feed(line, now)) is not None]


def test_a_round_says_steps_activity_and_gpus() -> None:
    [reading] = fed(ROUND)
    boot, image, model = reading.steps
    assert (boot.stage, boot.state, boot.elapsed_seconds) == (SetupStage.BOOT, StepState.DONE, 60)
    assert (image.percent, image.elapsed_seconds, image.detail) == (41, 60, "pulls vllm/vllm-openai")
    assert (model.name, model.percent, model.elapsed_seconds) == ("Qwen/Qwen3-8B", None, None)
    activity = reading.activity
    assert activity is not None
    assert activity.idle_since == OURS - timedelta(seconds=90)
    assert activity.idle_ends_at == OURS + timedelta(seconds=1710)
    assert (activity.requests_running, activity.requests_waiting) == (0.0, None)
    assert activity.loaded_models == ("Qwen/Qwen3-8B", "other")
    assert [gpu.utilisation_percent for gpu in reading.gpus] == [37.0]
    assert (reading.gpu_problem, reading.has_node_script) == ("", True)


def test_moments_of_a_wrong_clock_are_moved_to_ours() -> None:
    [reading] = fed(ROUND, OURS + timedelta(hours=5))
    assert reading.node_now == OURS
    assert reading.activity is not None
    assert reading.activity.checked_at == OURS + timedelta(hours=5, seconds=-10)
    assert reading.steps[1].elapsed_seconds == 60


def test_a_clock_that_is_right_to_a_second_is_left_alone() -> None:
    [reading] = fed(ROUND, OURS + timedelta(seconds=1.6))
    assert reading.activity is not None
    assert reading.activity.checked_at == OURS - timedelta(seconds=10)


def test_a_machine_without_our_files_says_so() -> None:
    [reading] = fed(f"@aic-tui 1 {NODE_NOW}\n@progress absent\n@activity absent\n@gpu 0\n{GPU}\n@end")
    assert not reading.has_node_script
    assert (reading.steps, reading.activity, len(reading.gpus)) == ((), None, 1)


@pytest.mark.parametrize(
    ("code", "said", "problem"),
    [
        (127, "sh: 1: nvidia-smi: not found", "nvidia-smi is not installed: this machine has no NVIDIA driver."),
        (124, "", "nvidia-smi did not answer within 10 s."),
        (137, "", "nvidia-smi did not answer within 10 s."),
        (0, "", "nvidia-smi names no GPU."),
    ],
)
def test_why_there_are_no_gpu_figures(code: int, said: str, problem: str) -> None:
    [reading] = fed(f"@aic-tui 1 {NODE_NOW}\n@gpu {code}\n{said}\n@end")
    assert (reading.gpus, reading.gpu_problem) == ((), problem)


def test_a_round_that_broke_off_leaves_nothing_in_the_next() -> None:
    cut = ROUND[: ROUND.index("@gpu")]
    [reading] = fed(cut + f"@aic-tui 1 {NODE_NOW + 2}\n@gpu 0\n{GPU}\n@end")
    assert reading.node_now == OURS + timedelta(seconds=2)
    assert (reading.steps, reading.activity) == ((), None)


def test_lines_of_no_meaning_are_passed_over() -> None:
    noisy = ROUND.replace("@activity\n", "half a li\nready\tfancy\t\nboot\n@activity\nno tab\nchecked\tsoon\n@odd\n")
    [reading] = fed("Last login: today\n@end\n@gpu x\n" + noisy)
    assert len(reading.steps) == 3
    assert fed("@aic-tui 1 tomorrow\n@end\n@aic-tui 2 5\n@end") == []


@given(st.lists(st.sampled_from([*ROUND.splitlines(), "@aic-tui 1 1e999", "@", "@gpu", "nan\tinf", "checked\t-5"])))
def test_no_order_of_lines_breaks_it(lines: list[str]) -> None:
    assert all(isinstance(reading, NodeReading) for reading in fed("\n".join(lines)))


def test_the_command_itself_answers_what_is_read(tmp_path: Path) -> None:
    """In a real shell, with a stand-in for nvidia-smi."""
    stand_in = tmp_path / "nvidia-smi"
    stand_in.write_text(f"#!/bin/sh\necho '{GPU}'\n")
    stand_in.chmod(0o755)

    def answer() -> str:
        words = ["sh", "-c", watch_command(2, once=True)]
        done = subprocess.run(words, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True)
        assert done.stderr == b""
        return done.stdout.decode()

    [reading] = fed(answer(), datetime.now(UTC))
    assert abs(reading.node_now - datetime.now(UTC)) < timedelta(seconds=30)
    assert [gpu.name for gpu in reading.gpus] == ["NVIDIA L40S"]
    stand_in.unlink()
    [reading] = fed(answer())
    assert reading.gpu_problem == "nvidia-smi is not installed: this machine has no NVIDIA driver."


def test_nothing_a_machine_says_of_itself_drives_a_terminal() -> None:
    hostile = "a\x1b]52;c;aGk=\x07b\x9b2Jc\u202ed\te"
    text = ROUND.replace("pulls vllm/vllm-openai", hostile).replace("busy\t", f"busy\t{hostile}")
    [reading] = fed(text.replace("NVIDIA L40S", hostile).replace("Qwen/Qwen3-8B", "m\x1b[31m"))
    assert reading.activity is not None
    said = [*(step.detail + step.name for step in reading.steps), reading.activity.busy_because, reading.gpus[0].name]
    assert "a ]52;c;aGk= b 2Jc d" in said
    assert all((text or "").replace("\t", "").isprintable() for text in said)
    [broken] = fed(ROUND.replace("@gpu 0", "@gpu 14").replace(GPU, hostile))
    assert broken.gpu_problem.replace("\t", "").isprintable()


@pytest.mark.parametrize("index", ["\u00b2", "1" * 30])
def test_numbers_that_are_none_cost_their_line_only(index: str) -> None:
    [reading] = fed(ROUND.replace(GPU, f"{GPU}\n{index}{GPU[1:]}"))
    assert [gpu.index for gpu in reading.gpus] == [0]


def test_a_step_begun_before_the_clock_was_set_took_an_unknown_time() -> None:
    [reading] = fed(ROUND.replace(f"{NODE_NOW - 300}", "12").replace(f"{NODE_NOW - 60}", "-1e300"))
    assert [step.elapsed_seconds for step in reading.steps] == [None, None, None]
