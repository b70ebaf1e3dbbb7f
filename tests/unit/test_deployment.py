"""A deployment as the engine's request and as a `docker run` line: the same thing twice, and no secret in the line."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.container import GpuRequest
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.deployment import (
    Deployment,
    check_restart,
    check_volume,
    create_request,
    parse_gpus,
    parse_size,
    run_line,
)
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.hosts.answers import items, member, text
from aicompute_tui.hosts.docker.pulling import Layers, pull_refusal, split_image

WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)
DEPLOYMENTS = st.builds(
    Deployment,
    name=st.from_regex(r"[a-z][a-z0-9_.-]{1,20}", fullmatch=True),
    image=st.sampled_from(["bb:1", "ghcr.io/a/b:1.2"]),
    words=st.lists(WORDS, max_size=4).map(tuple),
    gpus=st.none() | st.builds(GpuRequest, count=st.integers(1, 8)) | st.just(GpuRequest(device_ids=("0", "3"))),
    container_port=st.none() | st.integers(1, 65_535),
    host_port=st.none() | st.integers(1, 65_535),
    environment=st.lists(st.tuples(st.just("NAME"), WORDS), max_size=2).map(tuple),
    secret_names=st.sampled_from([(), ("HF_TOKEN",)]),
    volumes=st.lists(st.sampled_from(["models:/data", "/srv/x:/x:ro"]), max_size=2).map(tuple),
    shm_bytes=st.sampled_from([0, 1 << 30]),
    shares_ipc=st.booleans(),
    restart=st.sampled_from(["no", "always", "on-failure:3"]),
    memory_bytes=st.sampled_from([0, 1 << 33]),
    cpus=st.sampled_from([0.0, 0.5, 4.0]),
)
SECRET = "hf_" + "q" * 30


@given(DEPLOYMENTS)
def test_line_and_request_say_the_same_and_the_line_tells_no_secret(deployment: Deployment) -> None:
    request = create_request(deployment, {"HF_TOKEN": SECRET})
    line = shlex.split(run_line(deployment))
    assert SECRET not in run_line(deployment)
    assert (f"HF_TOKEN={SECRET}" in items(request, "Env")) == bool(deployment.secret_names)
    image_at = line.index(deployment.image)
    assert tuple(line[image_at + 1 :]) == deployment.words == tuple(items(request, "Cmd"))
    values = [line[at + 1] for at, word in enumerate(line[:image_at]) if word == "-v"]
    assert values == items(request, "HostConfig", "Binds")
    assert ("--gpus" in line[:image_at]) == (member(request, "HostConfig", "DeviceRequests") is not None)
    assert ("-p" in line[:image_at]) == (member(request, "ExposedPorts") is not None)
    assert (text(request, "HostConfig", "IpcMode") == "host") == ("--ipc" in line[:image_at])


def test_ids_and_a_count_never_go_together() -> None:
    by_ids = create_request(Deployment(name="ab", image="bb:1", gpus=GpuRequest(device_ids=("0",))), {})
    by_count = create_request(Deployment(name="ab", image="bb:1", gpus=GpuRequest(count=-1)), {})
    assert items(by_ids, "HostConfig", "DeviceRequests") == [
        {"Driver": "", "Capabilities": [["gpu"]], "DeviceIDs": ["0"]}
    ]
    assert items(by_count, "HostConfig", "DeviceRequests") == [{"Driver": "", "Capabilities": [["gpu"]], "Count": -1}]


@pytest.mark.parametrize(
    ("given_", "asked"),
    [
        ("all", GpuRequest(count=-1)),
        ("2", GpuRequest(count=2)),
        ("none", None),
        ("0,3", GpuRequest(device_ids=("0", "3"))),
        ("device=0", GpuRequest(device_ids=("0",))),
        ("GPU-5e1f", GpuRequest(device_ids=("GPU-5e1f",))),
    ],
)
def test_gpus_are_asked_for_as_docker_does(given_: str, asked: GpuRequest | None) -> None:
    assert parse_gpus(given_) == asked


def test_sizes_volumes_and_policies_are_checked() -> None:
    assert (parse_size("512m", "shm"), parse_size("1GiB", "shm")) == (512 << 20, 1 << 30)
    assert check_volume("/srv/x:/data:ro")
    assert check_restart("on-failure:3")
    for bad in ("models", "models:data", "a b:/data", "../x:/data"):
        with pytest.raises(InvalidInput):
            check_volume(bad)
    for bad in ("0", "many", "-1g"):
        with pytest.raises(InvalidInput):
            parse_size(bad, "shm")
    with pytest.raises(InvalidInput):
        check_restart("sometimes")
    with pytest.raises(InvalidInput):
        parse_gpus("one; two")


def test_every_framework_can_be_told_its_model() -> None:
    for framework in CONTAINER_FRAMEWORKS.values():
        asks = any("{model}" in word for word in (*framework.words, *framework.pull_words))
        assert asks == (framework.most_models > 0), framework.name
        assert framework.health_path.startswith("/")
        check_volume(framework.volume)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("bb", ("bb", "latest")),
        ("bb:1", ("bb", "1")),
        ("127.0.0.1:5055/bb", ("127.0.0.1:5055/bb", "latest")),
        ("127.0.0.1:5055/a/bb:2", ("127.0.0.1:5055/a/bb", "2")),
        ("bb@sha256:abc", ("bb", "sha256:abc")),
    ],
)
def test_an_images_tag_is_always_named(image: str, parts: tuple[str, str]) -> None:
    assert split_image(image) == parts


def test_layers_are_counted_as_they_come() -> None:
    layers = Layers()
    layers.take({"status": "Pulling from bb", "id": "1"})
    layers.take({"status": "Pulling fs layer", "id": "a"})
    layers.take({"status": "Already exists", "id": "b"})
    step = layers.take({"status": "Downloading", "id": "a", "progressDetail": {"current": 30, "total": 120}})
    assert (step.layers_done, step.layers, step.percent) == (1, 2, 25)
    assert layers.take({"status": "Download complete", "id": "a"}).percent == 100
    assert layers.take({"status": "Pull complete", "id": "a"}).layers_done == 2


def test_a_pull_that_breaks_says_so_and_one_that_is_refused_says_why() -> None:
    assert "could not be pulled whole" in pull_refusal("unknown blob", "box", "bb:1").message
    assert isinstance(pull_refusal("manifest for bb:1 not found", "box", "bb:1"), NotFound)
