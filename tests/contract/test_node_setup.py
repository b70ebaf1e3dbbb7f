"""The set-up of a machine, run for real: every framework comes up, and a second run does no harm."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aicompute_tui.settings.packaged import DATA
from tests.contract.setup_machine import MIB, SETUP, MakesMachine, SetupMachine, machines
from tests.needs import need

MODEL = "org/model"
GGUF = "org/model-GGUF:Q8_0"
SAFETENSORS = {
    "README.md": 900,
    "model-00001-of-00002.safetensors": 5 * MIB,
    "model-00002-of-00002.safetensors": 3 * MIB,
    "original/consolidated.00.pth": 800 * MIB,
    "pytorch_model.bin": 800 * MIB,
}
GGUFS = {"model-BF16.gguf": 90 * MIB, "model-Q4_K_M.gguf": 4 * MIB, "model-Q8_0.gguf": 8 * MIB, "mmproj-F16.gguf": MIB}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakesMachine]:
    with machines(tmp_path) as make:
        yield make


def hub_machine(
    make: MakesMachine, framework: str, *, slow: bool = False, has_instance_store: bool = False
) -> SetupMachine:
    """A machine whose model is on the hub and is fetched as that server does it."""
    model = GGUF if framework == "llamacpp" else MODEL
    machine = make(framework, model, has_instance_store=has_instance_store)
    machine.hub(repos={MODEL: {"files": SAFETENSORS}, "org/model-GGUF": {"files": GGUFS}})
    cache = {
        "vllm": "hub/models--org--model/blobs/abc",
        "tgi": "models--org--model/blobs/abc",
        "llamacpp": "org_model-GGUF_model-Q8_0.gguf",
    }[framework]
    machine.plan(downloads={cache: 8 * MIB}, slow=slow)
    return machine


def test_script_passes_shellcheck() -> None:
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    subprocess.run(["shellcheck", DATA / "node/setup.sh"], check=True)


def test_unit_passes_systemd_analyze(tmp_path: Path) -> None:
    need("systemd", shutil.which("systemd-analyze") is not None, "apt-get install systemd")
    text = (DATA / "node/aic-tui-setup.service").read_text()
    assert f"ExecStart={SETUP}\n" in text
    unit = tmp_path / "aic-tui-setup.service"
    unit.write_text(text.replace(SETUP, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], check=True, capture_output=True, text=True, timeout=30
    )
    assert "aic-tui" not in done.stderr


@pytest.mark.parametrize("framework", ["vllm", "tgi", "llamacpp"])
def test_server_of_a_hub_model_comes_up(make: MakesMachine, framework: str) -> None:
    machine = hub_machine(make, framework, slow=True)
    assert machine.run() == 0
    model = machine.models[0]
    assert list(machine.states()) == ["boot", "driver", "docker", "image", f"model {model}", "ready"]
    assert set(machine.states().values()) == {"done"}
    for stage in ("image", "model"):
        percents = machine.percents(stage)
        assert len(percents) >= 3
        assert percents == sorted(percents)
        assert percents[-1] == 100
    container = machine.container()
    options = [" ".join(pair).strip() for pair in container["options"]]  # type: ignore[attr-defined]
    port = {"vllm": "8000:8000", "tgi": "8080:80", "llamacpp": "8080:8080"}[framework]
    assert {f"-p 127.0.0.1:{port}", "--gpus all", "--restart unless-stopped", "--name aic-tui-framework"} <= set(
        options
    )
    assert f"-v /var/lib/aic-tui/models/{framework}:" in " ".join(options)
    arguments = " ".join(container["arguments"])  # type: ignore[arg-type]
    for words in {
        "vllm": ["--model org/model", "--tensor-parallel-size 2", "--gpu-memory-utilization 0.90"],
        "tgi": ["--model-id org/model", "--num-shard 2", "--usage-stats off"],
        "llamacpp": ["-hf org/model-GGUF:Q8_0", "-ngl 99", "--metrics", "--host 0.0.0.0"],
    }[framework]:
        assert words in arguments


@pytest.mark.parametrize(
    ("framework", "told"),
    [
        ("vllm", "--max-model-len 16384"),
        ("tgi", "--max-total-tokens 16384 --max-input-tokens 16383"),
        ("llamacpp", "-c 16384"),
        ("ollama", "-e OLLAMA_CONTEXT_LENGTH=16384"),
    ],
)
def test_server_is_told_the_context_that_the_launch_was_for(make: MakesMachine, framework: str, told: str) -> None:
    machine = make("ollama") if framework == "ollama" else hub_machine(make, framework)
    machine.configure(context="16384")
    assert machine.run() == 0
    given = machine.container()
    options = [word for pair in given["options"] for word in pair]  # type: ignore[attr-defined]
    arguments = [str(word) for word in given["arguments"]]  # type: ignore[attr-defined]
    assert f" {told} " in f" {' '.join([*options, *arguments])} "
    machine.configure(context="")
    assert machine.run() == 0
    assert len(machine.docker_calls("run")) == 2, "another context is another configuration"
    assert "16384" not in json.dumps(machine.container())


def test_ollama_pulls_several_models_one_after_another(make: MakesMachine) -> None:
    machine = make("ollama", "llama3.2:1b", "qwen3:4b")
    machine.plan(library={name: {"layers": [2_000_000_000]} for name in machine.models}, slow=True)
    assert machine.run() == 0
    assert set(machine.states().values()) == {"done"}
    for name in machine.models:
        percents = machine.percents("model", name)
        assert len(percents) >= 4
        assert percents == sorted(percents)
        assert percents[-1] == 100
    both = [
        steps for steps in machine.seen if sum(step.stage == "model" and step.state == "running" for step in steps) > 1
    ]
    assert both == []
    assert any("of 1.8 GiB" in step.detail for steps in machine.seen for step in steps)


def test_ollama_without_models_is_ready_once_it_answers(make: MakesMachine) -> None:
    machine = make("ollama")
    assert machine.run() == 0
    assert machine.states() == dict.fromkeys(["boot", "driver", "docker", "image", "ready"], "done")


def test_machine_without_a_framework_is_ready_with_its_driver(make: MakesMachine) -> None:
    machine = make("none")
    assert machine.run() == 0
    assert machine.states() == {"boot": "done", "driver": "done", "ready": "done"}
    assert machine.text("docker/calls") == ""


def test_all_steps_are_listed_from_the_start_with_the_moments_of_each(make: MakesMachine) -> None:
    machine = hub_machine(make, "vllm")
    assert machine.run() == 0
    first = machine.seen[0]
    assert [step.stage for step in first] == ["boot", "driver", "docker", "image", "model", "ready"]
    assert [step.state for step in first][2:] == ["waiting"] * 4
    assert (first[4].name, first[4].started, first[4].percent) == (MODEL, "", "")
    for step in machine.read():
        assert int(step.started) <= int(step.ended)
    assert oct((machine.folder / "run/aic-tui/progress").stat().st_mode)[-3:] == "644"
    assert oct((machine.folder / "var-log/aic-tui/setup.log").stat().st_mode)[-3:] == "644"
    for line in machine.text("var-log/aic-tui/setup.log").splitlines():
        assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line)


@pytest.mark.parametrize("framework", ["vllm", "ollama"])
def test_second_run_with_all_up_changes_nothing(make: MakesMachine, framework: str) -> None:
    if framework == "ollama":
        machine = make("ollama", "qwen3")
        machine.plan(library={"qwen3": {"layers": [1000]}})
    else:
        machine = hub_machine(make, framework)
    assert machine.run(f"{SETUP} && cat /run/aic-tui/progress >/var/log/first && {SETUP}") == 0
    assert len(machine.docker_calls("run")) == 1
    assert len(machine.docker_calls("pull")) == 1
    assert machine.text("run/aic-tui/progress") == machine.text("var-log/first")
    was_ready = [{step.stage: step.state for step in steps}["ready"] == "done" for steps in machine.seen]
    assert was_ready == sorted(was_ready)


def test_after_a_reboot_it_ends_at_ready_again_without_another_download(make: MakesMachine) -> None:
    machine = hub_machine(make, "vllm")
    assert machine.run() == 0
    machine.power_off()
    machine.forget()
    assert machine.run() == 0
    assert machine.states()["ready"] == "done"
    assert len(machine.docker_calls("run")) == 1
    assert machine.percents("model") in ([], [100])


def test_after_a_reboot_it_is_ready_although_the_hub_is_away(make: MakesMachine) -> None:
    machine = hub_machine(make, "vllm")
    assert machine.run() == 0
    machine.power_off()
    machine.hub(down=True)
    assert machine.run() == 0
    assert machine.states()["ready"] == "done"


def test_two_at_once_are_as_good_as_one(make: MakesMachine) -> None:
    machine = hub_machine(make, "vllm")
    held = machine.folder / "held"
    held.touch()
    one = f"{SETUP}; code=$?; rm -f {held}; exit $code"
    assert machine.run(f"({one}) & first=$!; ({one}); second=$?; wait $first && exit $second") == 0
    assert machine.states()["ready"] == "done"
    assert len(machine.docker_calls("run")) == 1
    assert "Another set-up is at work" in machine.text("var-log/aic-tui/setup.log")


def test_container_of_another_configuration_is_replaced(make: MakesMachine) -> None:
    machine = make("ollama", "a:1b")
    machine.plan(library={"a:1b": {"layers": [1000]}})
    assert machine.run(f"{SETUP} && sed -i 's/ollama.ollama/&:0.33.0/' /etc/aic-tui/node.conf && {SETUP}") == 0
    assert len(machine.docker_calls("run")) == 2
    assert machine.container()["image"] == "ollama/ollama:0.33.0"


@pytest.mark.parametrize("framework", ["vllm", "tgi", "llamacpp"])
def test_secrets_reach_the_server_and_nothing_else(make: MakesMachine, framework: str) -> None:
    machine = hub_machine(make, framework)
    machine.hub(known_tokens=["hf_secret"], repos={MODEL: {"files": SAFETENSORS}, "org/model-GGUF": {"files": GGUFS}})
    machine.secrets("HF_TOKEN=hf_secret\nAPI_KEY=sk-secret==\n")
    machine.stand_in("curl", f'echo "$*" >>{machine.folder}/argv; exec {shutil.which("curl")} "$@"')
    assert machine.run() == 0
    environment = machine.container()["environment"]
    assert isinstance(environment, dict)
    key = {"vllm": "VLLM_API_KEY", "tgi": "API_KEY", "llamacpp": "LLAMA_API_KEY"}[framework]
    assert (environment["HF_TOKEN"], environment[key]) == ("hf_secret", "sk-secret==")
    assert "with a token" in machine.text("hub-calls")
    for name in ("docker/calls", "output", "var-log/aic-tui/setup.log", "run/aic-tui/progress", "argv"):
        assert machine.text(name)
        assert "secret" not in machine.text(name), name
    assert "sk-secret" not in json.dumps(machine.container()["labels"])


def test_key_that_comes_late_reaches_the_server(make: MakesMachine) -> None:
    machine = hub_machine(make, "vllm", slow=True)
    with machine.held_download():
        machine.start()
        machine.until_step("model", "running", "of 0.0 GiB")
        machine.secrets("API_KEY=sk-late\n")
    assert machine.until_end() == 0
    assert machine.states()["ready"] == "done"
    environment = machine.container()["environment"]
    assert isinstance(environment, dict)
    assert environment["VLLM_API_KEY"] == "sk-late"


def test_models_lie_on_the_instance_store_where_there_is_one(make: MakesMachine) -> None:
    machine = hub_machine(make, "tgi", has_instance_store=True)
    assert machine.run() == 0
    assert machine.container()["volume"] == "/opt/dlami/nvme/models/tgi"


def test_clock_that_steps_back_an_hour_meanwhile_changes_no_duration(make: MakesMachine) -> None:
    machine = hub_machine(make, "vllm")
    offset = machine.folder / "clock-offset"
    machine.stand_in("date", f'exec {shutil.which("date")} -d "now $(cat {offset} 2>/dev/null)" "$@"')
    with machine.held_download():
        machine.start()
        machine.until_step("model", "running", "of 0.0 GiB")
        offset.write_text("-1 hour")
    assert machine.until_end() == 0
    for step in machine.read():
        assert 0 <= int(step.ended) - int(step.started) < 60 or step.stage == "boot"
    image, model = machine.step("image"), machine.step("model")
    assert 0 <= int(model.started) - int(image.ended) < 60


def test_docker_is_installed_where_the_image_has_none(make: MakesMachine) -> None:
    machine = make("ollama")
    folder = machine.folder
    (folder / "bin/nvidia-ctk").unlink()
    (folder / "bin/docker").rename(folder / "docker-package")
    machine.stand_in(
        "apt-get",
        f'echo "apt-get $*" >>{folder}/calls; [[ $* != *install* ]] || mv {folder}/docker-package {folder}/bin/docker',
    )
    assert machine.run() == 0
    assert "install docker.io nvidia-container-toolkit" in machine.text("calls")
    assert "systemctl restart docker" in machine.text("calls")


def test_machine_without_gpus_serves_without_them(make: MakesMachine) -> None:
    machine = make("ollama", gpu_count="0")
    assert machine.run() == 0
    assert machine.step("driver").detail == "This machine has no GPU."
    assert "--gpus" not in machine.docker_calls("run")[0]
