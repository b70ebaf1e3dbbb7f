"""Planted secrets, a whole life of a machine with --debug and an agent, and not one secret found anywhere after it."""

from __future__ import annotations

import base64
import gzip
import os
from pathlib import Path

import boto3
from botocore.config import Config

from tests.contract.cli_world import Answer, Cli, cli, until
from tests.contract.test_bad_days import refused
from tests.world import FIRST_KEY, World

__all__ = ["cli"]

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "wJalrPLANTEDsecretKEY0123456789abcdefgh",
    "AWS_SESSION_TOKEN": "IQoJPLANTEDsessionTOKEN0123456789abcdefghijklmnopqrstuvwxyz",
    "AIC_TUI_VAULT_PASSPHRASE": "PLANTED correct horse battery staple",
    "HF_TOKEN": "hf_PLANTEDtoken0123456789abcdefghijk",
    "OPENAI_API_KEY": "sk-PLANTED0123456789abcdefghijklmnop",
}


def planted_in(content: bytes) -> list[str]:
    return [name for name, value in SECRETS.items() if value.encode() in content]


def user_data(world: World, instance_id: str) -> bytes:
    client = boto3.session.Session().client(
        "ec2",
        region_name="ca-central-1",
        endpoint_url=world.url,
        aws_access_key_id=FIRST_KEY,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    answer = client.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    return gzip.decompress(base64.b64decode(answer["UserData"]["Value"]))


def test_planted_secrets_are_found_nowhere_after_a_machines_whole_life(cli: Cli, world: World) -> None:
    cli.environment |= SECRETS
    said: list[Answer] = [cli("--debug", "instance", "launch", "--name", "one", "--yes", "-o", "json")]
    assert said[0].code == 0, said[0].err
    status = cli.json("agent", "--status")
    for name in ("cmdline", "environ"):
        assert planted_in(Path(f"/proc/{status['pid']}/{name}").read_bytes()) == []
    until(lambda: cli.json("instance", "show", "one")["state"] == "ready")
    assert planted_in(user_data(world, said[0].data["remote_id"])) == []
    said.append(cli("--debug", "instance", "extend", "one", "--by", "1h", "-o", "json"))
    world.faults(refused("TerminateInstances", "UnauthorizedOperation", 403))  # the agent may try it before the job
    said.append(cli("--debug", "instance", "terminate", "one", "--yes", "-o", "json"))
    assert said[-1].code == 1
    said += [cli("--debug", *words, "-o", "json") for words in (["doctor"], ["event", "list"], ["job", "list"])]
    said.append(cli("--debug", "instance", "list", "--all", "-o", "json"))
    for answer in said:
        assert planted_in((answer.out + answer.err).encode()) == []
    cli.end_agent()
    files = [path for path in cli.home.rglob("*") if path.is_file()]
    assert {"aic-tui.db", "cli.log", "agent.log"} <= {path.name for path in files}
    assert {str(path): found for path in files if (found := planted_in(path.read_bytes()))} == {}
    assert all(SECRETS[name] != os.environ.get(name) for name in SECRETS)
