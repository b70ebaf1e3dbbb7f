"""The deploy form's rules: what an empty field means, sentences for what is wrong, and the arguments it makes."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.ui.command_line import command_line
from aicompute_tui.ui.deploy_form import ANY_IMAGE, BUILT_IN, FIELDS, DeployForm, in_form_words, what_empty_means
from aicompute_tui.ui.deploy_lists import server_rows

VLLM = DeployForm().changed("host", "lab-1").changed("framework", "vllm").changed("model", "org/model")
IMAGE = DeployForm().changed("host", "lab-1").changed("framework", ANY_IMAGE).changed("image", "nginx:1.29")


def test_every_parameter_of_a_deployment_has_a_field() -> None:
    parameters = {parameter.name for parameter in ACTIONS["container.deploy"].parameters}
    assert {field.name for field in FIELDS} == parameters - {"no_hub_token"}


def test_every_server_can_be_chosen_and_tells_its_defaults() -> None:
    assert [row["name"] for row in server_rows() if isinstance(row, dict)] == [*CONTAINER_FRAMEWORKS, ANY_IMAGE]
    chosen = {"host", "framework"}
    for name in (*CONTAINER_FRAMEWORKS, ANY_IMAGE):
        empty = what_empty_means(DeployForm().changed("framework", name))
        assert all(empty[field.name] for field in FIELDS if field.name not in chosen), name


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("image", "my image", "registry/name:tag"),
        ("name", "-x", "letters"),
        ("gpus", "!", "all, a count, none"),
        ("port", "70000", "1 to 65,535"),
        ("port", "٣٢", "1 to 65,535"),
        ("container_port", "0", "1 to 65,535"),
        ("bind", "everyone", "0.0.0.0"),
        ("volume", "models", "models:/data"),
        ("volume", "'a:/b", "quote is not closed"),
        ("env", "DEBUG", "NAME=VALUE"),
        ("env", f"TOKEN=hf_{'a' * 34}", "looks like a secret"),
        ("env", "DB_PASSWORD=hunter2", "looks like a secret"),
        ("shm", "much", "512m or 32g"),
        ("restart", "sometimes", "unless-stopped"),
        ("memory", "0", "512m or 32g"),
        ("cpus", "nan", "more than 0"),
        ("cpus", "many", "4 or 0.5"),
        ("command", '--flag "x', "quote is not closed"),
        ("wait", "soon", "Write it like"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(name: str, value: str, sentence: str) -> None:
    problem = VLLM.changed(name, value).problems()[name]
    assert sentence in problem
    assert "--" not in problem.replace("--flag", "")


def test_a_server_gets_as_many_models_as_it_serves() -> None:
    assert not VLLM.problems()
    assert "needs a model" in VLLM.changed("model", " , ").problems()["model"]
    assert "one model at most" in VLLM.changed("model", "a/b c/d").problems()["model"]
    assert "no model at most" in VLLM.changed("framework", "comfyui").problems()["model"]
    ollama = VLLM.changed("framework", "ollama").changed("model", "a, b")
    assert not ollama.problems()
    assert ollama.arguments()["model"] == ["a", "b"]


def test_an_image_of_ones_own_needs_a_name_and_a_port_to_lead_to() -> None:
    assert set(IMAGE.changed("port", "80").changed("model", "x").problems()) == {"name", "container_port", "model"}
    named = IMAGE.changed("name", "web")
    assert not named.problems()
    assert named.arguments() == {"host": "lab-1", "image": "nginx:1.29", "name": "web"}


def test_words_are_split_as_a_shell_does() -> None:
    arguments = VLLM.changed("env", "A=1 B='two words'").changed("command", "--max-model-len 8192").arguments()
    assert arguments["env"] == ["A=1", "B=two words"]
    assert arguments["command"] == ["--max-model-len", "8192"]


def test_the_token_goes_along_as_it_was_turned() -> None:
    assert not {"hub_token", "no_hub_token"} & set(VLLM.arguments())
    assert VLLM.changed("hub_token", "yes").arguments()["hub_token"] is True
    assert VLLM.changed("hub_token", "no").arguments()["no_hub_token"] is True


def test_arguments_come_back_as_the_fields_they_were() -> None:
    form = (
        VLLM.changed("env", "A=1 'B=two words'").changed("command", "--x 'y z'").changed("hub_token", "no")
        .changed("ipc_host", "yes").changed("port", "8001")
    )  # fmt: skip
    assert DeployForm().with_arguments(form.arguments()).arguments() == form.arguments()
    assert DeployForm().with_arguments(IMAGE.arguments())["framework"] == ANY_IMAGE


def test_the_command_line_keeps_further_words_behind_a_mark() -> None:
    form = VLLM.changed("command", "--max-model-len 8192").changed("env", "A='b c'")
    words = shlex.split(command_line(ACTIONS["container.deploy"], form.arguments()))
    assert words[:3] == ["aic-tui", "container", "deploy"]
    assert words[-3:] == ["--", "--max-model-len", "8192"]
    assert words[words.index("--env") + 1] == "A=b c"


def test_flags_are_said_in_the_forms_words() -> None:
    assert in_form_words("Give --gpus none, or another host.") == "Give “GPUs” none, or another host."


@given(st.dictionaries(st.sampled_from(list(BUILT_IN)), st.text(max_size=80)))
def test_nothing_typed_breaks_the_form(values: dict[str, str]) -> None:
    form = DeployForm({**BUILT_IN, **values})
    form.problems()
    form.arguments()
    what_empty_means(form)
    command_line(ACTIONS["container.deploy"], form.arguments())
