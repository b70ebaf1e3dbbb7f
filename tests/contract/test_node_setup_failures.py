"""The set-up of a machine on bad days, run for real: each failure is told on its step in words a person acts on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.setup_machine import MIB, MakesMachine, SetupMachine, machines

MODEL = "org/model"
NEEDS_A_PERSON = 3
MAY_PASS = 1
FILES = {MODEL: {"files": {"model.safetensors": 8 * MIB}}}
GATED = {MODEL: {"files": {"model.safetensors": 8 * MIB}, "gated": True, "readers": ["hf_reader"]}}
DOWNLOADS = {"hub/models--org--model/blobs/abc": 8 * MIB}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakesMachine]:
    with machines(tmp_path) as make:
        yield make


@pytest.fixture
def vllm(make: MakesMachine) -> SetupMachine:
    machine = make("vllm", MODEL)
    machine.hub(repos=FILES, known_tokens=["hf_reader", "hf_other"])
    machine.plan(downloads=DOWNLOADS)
    return machine


def test_driver_that_takes_a_while_is_waited_for(make: MakesMachine) -> None:
    machine = make("none")
    gpus = machine.text("gpus")
    machine.set_gpus(0)
    machine.start()
    machine.until_step("driver", "running", "waits for the driver")
    (machine.folder / "gpus").write_text(gpus)
    assert machine.until_end() == 0
    assert machine.step("ready").state == "done"


@pytest.mark.parametrize("has_program", [True, False])
def test_driver_missing(vllm: SetupMachine, has_program: bool) -> None:
    vllm.set_gpus(0)
    vllm.stand_in("nvidia-smi", "echo 'NVIDIA-SMI has failed: no driver'; exit 9")
    vllm.stand_in("sleep", "exit 0")
    if not has_program:
        (vllm.folder / "bin/nvidia-smi").unlink()
    assert vllm.run() == NEEDS_A_PERSON
    step = vllm.step("driver")
    assert step.state == "failed"
    assert "No NVIDIA driver answers" in step.detail
    assert "launch with an image" in step.detail
    assert vllm.step("docker").state == "waiting"
    assert ("NVIDIA-SMI has failed" in vllm.text("var-log/aic-tui/setup.log")) == has_program


def test_fewer_gpus_than_expected_are_said_and_used(vllm: SetupMachine) -> None:
    vllm.set_gpus(1)
    assert vllm.run() == 0
    assert vllm.step("driver").detail == "Only 1 of 2 GPUs answer."
    assert "--tensor-parallel-size 1 " in vllm.docker_calls("run")[0]


def test_docker_that_cannot_be_installed(vllm: SetupMachine) -> None:
    (vllm.folder / "bin/docker").unlink()
    vllm.stand_in("apt-get", "echo 'E: Unable to locate package docker.io'; exit 100")
    assert vllm.run() == NEEDS_A_PERSON
    step = vllm.step("docker")
    assert step.state == "failed"
    assert "docker cannot be installed" in step.detail
    assert "Unable to locate" in vllm.text("var-log/aic-tui/setup.log")


def test_docker_that_does_not_start(vllm: SetupMachine) -> None:
    vllm.stand_in("docker", "echo Cannot connect to the Docker daemon; exit 1")
    vllm.stand_in("sleep", "exit 0")
    assert vllm.run() == MAY_PASS
    assert "Docker does not start" in vllm.step("docker").detail
    assert "systemctl start docker" in vllm.text("calls")


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("Error response from daemon: manifest for a/b:c not found: manifest unknown", "There is no vllm/vllm-openai"),
        (
            "pull access denied for a/b, repository does not exist or may require 'docker login'",
            "There is no vllm/vllm-openai",
        ),
        ("Error response from daemon: unauthorized: authentication required", "may not be read"),
        ("Error response from daemon: denied", "may not be read"),
        ("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "larger volume"),
    ],
)
def test_image_that_cannot_be_had(vllm: SetupMachine, says: str, told: str) -> None:
    vllm.pulls({"lines": ["latest: Pulling from a/b", says], "code": 1})
    assert vllm.run() == NEEDS_A_PERSON
    step = vllm.step("image")
    assert step.state == "failed"
    assert told in step.detail
    assert len(vllm.docker_calls("pull")) == 1
    assert says in vllm.text("var-log/aic-tui/setup.log")


@pytest.mark.parametrize(
    "says", ["toomanyrequests: You have reached your pull rate limit.", "net/http: TLS handshake timeout"]
)
def test_image_pull_that_may_pass_is_tried_again(vllm: SetupMachine, says: str) -> None:
    vllm.pulls(*[{"lines": [says], "code": 1}] * 2)
    assert vllm.run() == 0
    assert vllm.step("ready").state == "done"
    assert len(vllm.docker_calls("pull")) == 3


def test_image_pull_limit_that_stays(vllm: SetupMachine) -> None:
    vllm.stand_in("sleep", "exit 0")
    vllm.pulls(*[{"lines": ["toomanyrequests: You have reached your pull rate limit."], "code": 1}] * 9)
    assert vllm.run() == MAY_PASS
    assert "limit for this address is reached" in vllm.step("image").detail


def test_misspelt_model(vllm: SetupMachine) -> None:
    vllm.hub(repos={})
    vllm.start()
    step = vllm.until_step("model", "failed", "There is no org/model on Hugging Face")
    assert "check its name" in step.detail
    assert vllm.docker_calls("run") == []


def test_gated_model_waits_for_a_token_and_goes_on_once_it_arrives(vllm: SetupMachine) -> None:
    vllm.hub(repos=GATED, known_tokens=["hf_reader"])
    vllm.start()
    vllm.until_step("model", "running", "waits for a Hugging Face token")
    assert vllm.docker_calls("run") == []
    vllm.secrets("HF_TOKEN=hf_reader\n")
    assert vllm.until_end() == 0
    assert vllm.step("ready").state == "done"
    assert not any(step.state == "failed" for steps in vllm.seen for step in steps)


def test_token_without_access_fails_until_the_licence_is_accepted(vllm: SetupMachine) -> None:
    vllm.hub(repos=GATED, known_tokens=["hf_other"])
    vllm.stand_in("sleep", "exec /bin/sleep 0.005")
    vllm.secrets("HF_TOKEN=hf_other\n")
    vllm.start()
    step = vllm.until_step("model", "failed", "The Hugging Face token may not read org/model")
    assert "accept its licence" in step.detail
    vllm.hub(repos=FILES, known_tokens=["hf_other"])
    assert vllm.until_end() == 0
    assert vllm.step("model").state == "done"


def test_token_the_hub_does_not_know(vllm: SetupMachine) -> None:
    vllm.secrets("HF_TOKEN=hf_wrong\n")
    vllm.start()
    vllm.until_step("model", "failed", "does not know the token")
    vllm.secrets("HF_TOKEN=hf_reader\n")
    assert vllm.until_end() == 0


def test_hub_that_does_not_answer_holds_nothing_up_for_long(vllm: SetupMachine) -> None:
    vllm.stand_in("sleep", "exec /bin/sleep 0.002")
    vllm.hub(repos={}, down=True)
    assert vllm.run() == 0
    assert any("does not answer" in step.detail for steps in vllm.seen for step in steps)
    assert any("GiB so far" in step.detail for steps in vllm.seen for step in steps)
    assert vllm.percents("model") == []


def test_quantisation_the_repository_has_not(make: MakesMachine) -> None:
    machine = make("llamacpp", "org/model-GGUF:Q5_K_M")
    machine.hub(repos={"org/model-GGUF": {"files": {"model-Q4_K_M.gguf": MIB}}})
    assert machine.run() == NEEDS_A_PERSON
    assert "has no quantisation Q5_K_M" in machine.step("model").detail


def test_model_larger_than_the_disk_is_told_beforehand(vllm: SetupMachine) -> None:
    vllm.stand_in("df", f"echo Avail; echo {3 * MIB}")
    assert vllm.run() == NEEDS_A_PERSON
    step = vllm.step("model")
    assert step.state == "failed"
    assert "larger volume" in step.detail
    assert vllm.docker_calls("run") == []


def test_disk_that_fills_up_meanwhile(vllm: SetupMachine) -> None:
    vllm.plan(downloads=DOWNLOADS, slow=True)
    vllm.stand_in("df", f"echo Avail; cat {vllm.folder}/free")
    (vllm.folder / "free").write_text(str(90 * MIB))
    with vllm.held_download():
        vllm.start()
        vllm.until_step("model", "running", "of 0.0 GiB")
        (vllm.folder / "free").write_text(str(10_000))
    assert vllm.until_end() == NEEDS_A_PERSON
    assert "larger volume" in vllm.step("model").detail
    assert vllm.container()["status"] == "exited"


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            "does not fit into the GPUs' memory",
        ),
        ("ValueError: No available memory for the cache blocks.", "does not fit into the GPUs' memory"),
        (
            "ValueError: To serve at least one request with the max seq len (131072), (16.00 GiB KV cache is needed, "
            "which is larger than the available KV cache memory (3.32 GiB).",
            "does not fit into the GPUs' memory",
        ),
        (
            "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
            "does not fit into the GPUs' memory",
        ),
        ("ValueError: Free memory on device (3/22 GiB) is less than desired GPU memory utilization", "does not fit"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("AssertionError: 14 attention heads must be divisible by 4", "cannot be split"),
        (
            "ValueError: Model architectures ['NewForCausalLM'] are not supported: model architecture",
            "choose another image tag",
        ),
        ("RuntimeError: The NVIDIA driver on your system is too old: driver version 12020", "NVIDIA driver"),
    ],
)
def test_server_that_dies_while_it_loads(vllm: SetupMachine, says: str, told: str) -> None:
    vllm.secrets("HF_TOKEN=hf_reader\n")
    vllm.plan(crashes=[{"says": f"INFO token hf_reader\n{says}"}], loads=9)
    assert vllm.run() == NEEDS_A_PERSON
    failed = [step for step in vllm.read() if step.state == "failed"]
    assert len(failed) == 1
    assert told in failed[0].detail
    log = vllm.text("var-log/aic-tui/setup.log")
    assert says in log
    assert "hf_reader" not in log
    assert vllm.container()["status"] == "exited"


def test_server_that_takes_all_main_memory(vllm: SetupMachine) -> None:
    vllm.plan(crashes=[{"says": "Loading", "state": {"killed": True}}], loads=9)
    assert vllm.run() == NEEDS_A_PERSON
    assert "more main memory than there is" in vllm.step("model").detail


def test_server_that_stops_again_and_again_for_no_known_reason(vllm: SetupMachine) -> None:
    vllm.plan(crashes=[{"says": f"Segmentation fault {number}"} for number in range(4)], loads=9)
    assert vllm.run() == NEEDS_A_PERSON
    assert "stops again and again" in vllm.step("model").detail
    assert "Segmentation fault 2" in vllm.text("var-log/aic-tui/setup.log")


def test_one_unexplained_stop_is_forgiven(vllm: SetupMachine) -> None:
    vllm.plan(crashes=[{"says": "Connection reset"}])
    assert vllm.run() == 0


def test_container_that_docker_refuses_to_start(vllm: SetupMachine) -> None:
    (vllm.folder / "docker/run-says").write_text('could not select device driver "" with capabilities: [[gpu]].\n')
    assert vllm.run() == NEEDS_A_PERSON
    assert "NVIDIA driver" in vllm.step("model").detail
    assert "select device driver" in vllm.text("var-log/aic-tui/setup.log")


def test_failed_server_is_tried_again_on_the_next_boot(vllm: SetupMachine) -> None:
    vllm.plan(crashes=[{"says": "CUDA out of memory"}], loads=9)
    assert vllm.run() == NEEDS_A_PERSON
    vllm.power_off()
    vllm.plan(downloads=DOWNLOADS)
    assert vllm.run() == 0
    assert vllm.step("ready").state == "done"


def test_ollama_model_that_is_misspelt_leaves_the_others_their_turn(make: MakesMachine) -> None:
    machine = make("ollama", "lama3", "qwen3")
    machine.plan(library={"qwen3": {"layers": [1000]}})
    assert machine.run() == NEEDS_A_PERSON
    assert "There is no lama3" in machine.step("model", "lama3").detail
    assert machine.states() | {"ready": ""} == {
        **dict.fromkeys(["boot", "driver", "docker", "image"], "done"),
        "model lama3": "failed",
        "model qwen3": "done",
        "ready": "",
    }
    assert machine.step("ready").state == "waiting"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("write /root/.ollama/models/blobs/sha256-1: no space left on device", "The disk is full"),
        ("pull model manifest: 412: this model requires a newer version of Ollama", "choose a newer image tag"),
        ("pull model manifest: 401: unauthorized", "may not be read"),
    ],
)
def test_ollama_pull_that_fails(make: MakesMachine, error: str, told: str) -> None:
    machine = make("ollama", "qwen3")
    machine.plan(library={"qwen3": {"layers": [1000], "error": error}})
    assert machine.run() == NEEDS_A_PERSON
    assert told in machine.step("model").detail


def test_ollama_model_larger_than_the_disk_leaves_the_others_their_turn(make: MakesMachine) -> None:
    machine = make("ollama", "qwen3:235b", "qwen3")
    library = {"qwen3:235b": {"layers": [80_000_000_000]}, "qwen3": {"layers": [1000]}}
    machine.plan(library=library, slow=True)
    machine.stand_in("df", "echo Avail; echo 40000000000")
    assert machine.run() == NEEDS_A_PERSON
    step = machine.step("model", "qwen3:235b")
    assert step.state == "failed"
    assert "The disk has 37.2 GiB left and qwen3:235b needs" in step.detail
    assert machine.states()["model qwen3"] == "done"


def test_ollama_pull_that_breaks_off_goes_on(make: MakesMachine) -> None:
    machine = make("ollama", "qwen3")
    machine.plan(library={"qwen3": {"layers": [1000, 1000], "breaks": True}})
    assert machine.run() == 0
    assert machine.states()["model qwen3"] == "done"


def test_no_failure_has_a_tab_or_leaves_out_a_field(vllm: SetupMachine) -> None:
    vllm.pulls({"lines": ["a\tb\x07 manifest unknown", "a\tb manifest unknown"], "code": 1})
    assert vllm.run() == NEEDS_A_PERSON
    assert all(line.count("\t") == 6 for line in vllm.text("run/aic-tui/progress").splitlines())
