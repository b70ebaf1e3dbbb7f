"""What an engine answers, in our words: names, states, ports, GPUs, figures, events, refusals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.container import Container, ContainerState, GpuRequest, Health, PortBinding, with_inspected
from aicompute_tui.domain.errors import AuthFailed, Conflict, InvalidInput, NotConfigured, NotFound, Unreachable
from aicompute_tui.domain.host import HostKind, check_name, check_url
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.hosts.docker.reading import engine_event, host_facts, inspected_container, listed_container
from aicompute_tui.hosts.docker.refusals import refusal
from aicompute_tui.hosts.docker.stats import cpu_percent, stats_sample

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = (
    "Id", "Names", "Image", "State", "Status", "Ports", "Labels", "Created", "Config", "HostConfig",
    "NetworkSettings", "RestartCount", "Name", "Path", "Args", "Actor", "Type", "Action", "timeNano", "Runtimes",
    "SecurityOptions", "Components", "read", "cpu_stats", "precpu_stats", "memory_stats", "networks", "blkio_stats",
    "pids_stats",
)  # fmt: skip
STRANGE = st.dictionaries(st.sampled_from(MEMBERS), ANY_JSON)


@given(STRANGE)
def test_no_answer_however_strange_breaks_the_reading(answer: Json) -> None:
    assert listed_container(answer, "h").host_id == "h"
    assert inspected_container(answer, "h").is_inspected
    engine_event(answer)
    host_facts(answer, answer)
    stats_sample(answer)


@pytest.mark.parametrize(
    ("status", "health", "exit_code"),
    [
        ("Up 5 minutes (healthy)", Health.HEALTHY, None),
        ("Up 2 seconds (health: starting)", Health.STARTING, None),
        ("Up 2 hours (unhealthy)", Health.UNHEALTHY, None),
        ("Up 2 hours (Paused)", Health.NONE, None),
        ("Exited (137) 3 seconds ago", Health.NONE, 137),
        ("Restarting (1) 2 seconds ago", Health.NONE, 1),
        ("Created", Health.NONE, None),
    ],
)
def test_the_words_of_the_list_tell_health_and_exit_code(status: str, health: Health, exit_code: int | None) -> None:
    found = listed_container({"Id": "a" * 64, "Names": ["/other/alias", "/web"], "Status": status}, "h")
    assert (found.name, found.health, found.exit_code) == ("web", health, exit_code)


def test_ports_are_told_once_each_and_in_order() -> None:
    ports: list[Json] = [
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 53, "Type": "udp"},
    ]
    assert listed_container({"Ports": ports}, "h").ports == (
        PortBinding(53, "udp"),
        PortBinding(80, "tcp", "0.0.0.0", 8080),
        PortBinding(80, "tcp", "::", 8080),
    )


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}, "all"),
        ({"Driver": "nvidia", "Count": 2, "Capabilities": [["gpu"]]}, "2"),
        ({"Driver": "nvidia", "DeviceIDs": ["0", "3"], "Capabilities": [["gpu"]]}, "0,3"),
        ({"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}, "nvidia.com/gpu=0"),
    ],
)
def test_what_was_asked_of_gpus_is_read_back(request_: JsonObject, words: str) -> None:
    found = inspected_container({"HostConfig": {"DeviceRequests": [request_]}}, "h").gpus
    assert isinstance(found, GpuRequest)
    assert str(found) == words


def test_an_inspection_holds_until_the_list_says_otherwise() -> None:
    known = Container(
        host_id="h", id="a", name="old", image="i", state=ContainerState.RUNNING, restart_count=3, is_inspected=True
    )
    listed = Container(host_id="h", id="a", name="new", image="i", state=ContainerState.RUNNING)
    merged = with_inspected(listed, known)
    assert merged is not None
    assert (merged.name, merged.restart_count) == ("new", 3)
    ended = Container(host_id="h", id="a", name="new", image="i", state=ContainerState.EXITED, exit_code=1)
    assert with_inspected(ended, known) is None
    assert with_inspected(listed, None) is None


def stats(used: int, before: int, system: int, system_before: int | None, **cpu: Json) -> JsonObject:
    return {
        "read": "2026-11-21T07:18:15.385544362Z",
        "cpu_stats": {"cpu_usage": {"total_usage": used}, "system_cpu_usage": system, **cpu},
        "precpu_stats": {
            "cpu_usage": {"total_usage": before},
            **({} if system_before is None else {"system_cpu_usage": system_before}),
        },
        "memory_stats": {"usage": 1000, "limit": 4000, "stats": {"inactive_file": 200}},
        "networks": {"eth0": {"rx_bytes": 5, "tx_bytes": 7}, "eth1": {"rx_bytes": 1}},
        "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 3}, {"op": "write", "value": 4}]},
        "pids_stats": {"current": 2},
    }


def test_figures_are_those_of_the_docker_command() -> None:
    sample = stats_sample(stats(300, 100, 2000, 1000, online_cpus=4))
    assert sample is not None
    assert sample.at == datetime(2026, 11, 21, 7, 18, 15, 385544, UTC)
    assert sample.cpu_percent == pytest.approx(80.0)
    assert (sample.memory_bytes, sample.memory_percent) == (800, 20.0)
    assert (sample.received_bytes, sample.sent_bytes, sample.read_bytes, sample.written_bytes) == (6, 7, 3, 4)
    assert sample.processes == 2


def test_the_first_answer_knows_no_processor_use_and_the_second_may_be_none() -> None:
    assert cpu_percent(stats(300, 0, 2000, None)) is None
    assert cpu_percent(stats(300, 300, 2000, 1000, online_cpus=4)) == 0.0


def test_cores_are_counted_where_the_engine_does_not() -> None:
    answer = stats(300, 100, 2000, 1000)
    answer["cpu_stats"] = {"cpu_usage": {"total_usage": 300, "percpu_usage": [1, 2]}, "system_cpu_usage": 2000}
    assert cpu_percent(answer) == pytest.approx(40.0)


def test_memory_is_what_is_left_without_files_kept_by_either_kind_of_control_group() -> None:
    answer = stats(1, 0, 2, 1)
    answer["memory_stats"] = {"usage": 1000, "stats": {"total_inactive_file": 300, "inactive_file": 1}}
    first = stats_sample(answer)
    answer["memory_stats"] = {"usage": 1000, "stats": {"inactive_file": 2000}}
    second = stats_sample(answer)
    assert first is not None
    assert second is not None
    assert (first.memory_bytes, second.memory_bytes) == (700, 1000)


def test_a_stopped_container_has_no_figures() -> None:
    assert stats_sample({"read": "0001-01-01T00:00:00Z", "cpu_stats": {}, "memory_stats": {}}) is None


def test_an_event_tells_who_and_how_it_ended() -> None:
    event = engine_event(
        {
            "Type": "container",
            "Action": "die",
            "Actor": {"ID": "abc", "Attributes": {"exitCode": "137", "image": "bb:1", "name": "web"}},
            "timeNano": 1795245491979648615,
        }
    )
    assert (event.action, event.id, event.name, event.exit_code) == ("die", "abc", "web", 137)
    assert event.at is not None
    assert event.at.year == 2026


@pytest.mark.parametrize(
    ("status", "said", "kind", "words"),
    [
        (500, 'could not select device driver "nvidia" with capabilities: [[gpu]]', NotConfigured, "container toolkit"),
        (400, "Unknown runtime specified nvidia", NotConfigured, "runtime “nvidia”"),
        (500, 'error gathering device information while adding custom device "/dev/nvidia0": no such file or directory',
         NotFound, "no device /dev/nvidia0"),
        (500, "nvidia-container-cli: initialization error: nvml error: driver not loaded", NotConfigured, "driver"),
        (500, "driver failed programming: Bind for 127.0.0.1:18099 failed: port is already allocated",
         Conflict, "Port 18099"),
        (500, "listen tcp4 127.0.0.1:18098: bind: address already in use", Conflict, "Port 18098"),
        (409, 'Conflict. The container name "/web" is already in use by "abc"', Conflict, "name web is taken"),
        (404, "No such container: web", NotFound, "no container web on box"),
        (404, "No such image: nope:1", NotFound, "image nope:1"),
        (404, "manifest for 127.0.0.1:5055/nope:1 not found: manifest unknown: manifest unknown", NotFound, "nope:1"),
        (500, 'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:9: connect: refused',
         Unreachable, "cannot reach the registry"),
        (500, "pull access denied for x, may require 'docker login'", AuthFailed, "everyone"),
        (400, "invalid reference format: repository name must be lowercase", InvalidInput, "not an image's name"),
        (400, "client version 1.44 is too new. Maximum supported API version is 1.41", NotConfigured, "too old"),
        (400, "Client sent an HTTP request to an HTTPS server.", NotConfigured, "speaks TLS"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_and_a_next_step(status: int, said: str, kind: type, words: str) -> None:
    error = refusal(status, said, "box", "web")
    assert type(error) is kind
    assert words in error.message
    assert error.message.endswith(".")
    assert error.next_step.endswith((".", "`."))
    assert error.details == said


@given(st.integers(400, 599), st.text(max_size=300))
def test_every_refusal_has_words(status: int, said: str) -> None:
    error = refusal(status, said, "box", "web")
    assert error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("/run/docker.sock", "unix:///run/docker.sock"),
        ("tcp://10.0.0.5:2376", "tcp://10.0.0.5:2376"),
        ("10.0.0.5:2375", "tcp://10.0.0.5:2375"),
        ("ssh://me@box", "ssh://me@box"),
    ],
)
def test_an_address_is_kept_whole(given_: str, kept: str) -> None:
    assert check_url(given_, HostKind.DOCKER) == kept


@pytest.mark.parametrize(
    "url", ["tcp://10.0.0.5", "unix://run/docker.sock", "ftp://x:1", "ssh://me:secret@box", "tcp://x:99999", "tcp://:1"]
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, HostKind.DOCKER)


def test_a_portainer_server_is_reached_by_http_alone() -> None:
    assert check_url("https://p.example:9443/", HostKind.PORTAINER) == "https://p.example:9443"
    with pytest.raises(InvalidInput):
        check_url("unix:///x", HostKind.PORTAINER)


@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "x" * 64])
def test_a_name_is_one_word(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_name(name)
