"""Handing a machine the secrets its set-up needs: over ssh into a file of root's, never by way of the cloud."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from aicompute_tui.domain.errors import AicError, BadAnswer, InvalidInput, NotAllowed
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.node import WAITS_FOR_TOKEN, NodeReport, SetupStage, StepState, is_set_up
from aicompute_tui.services.audit import record
from aicompute_tui.services.context import Context
from aicompute_tui.services.hugging_face import machine_token
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.serving_key import serving_key

HUB_TOKEN = "HF_TOKEN"  # noqa: S105 - its name on the machine
SERVING_KEY = "API_KEY"
_TITLES = {HUB_TOKEN: "the Hugging Face token", SERVING_KEY: "the key of its server"}
LOOK_SECONDS = 15.0
RETRY_SECONDS = 60.0
_FILE = "/etc/aic-tui/secrets.env"
_LINE = re.compile(r"[A-Z][A-Z0-9_]{0,63}=[\x21-\x7e]{1,4096}")
_WRITE = (
    f"umask 077; cat >{_FILE}.new && "
    f'[ "$(wc -c <{_FILE}.new)" -eq "$1" ] && mv -f {_FILE}.new {_FILE} || {{ rm -f {_FILE}.new; exit 1; }}'
)
"""Half a file, of a connection that broke, never takes the whole one's place."""


def delivery_command(size: int) -> str:
    """Puts `size` bytes of its standard input where the set-up reads them. The command holds nothing of them."""
    return f"if [ \"$(id -u)\" = 0 ]; then sh -c '{_WRITE}' sh {size}; else sudo -n sh -c '{_WRITE}' sh {size}; fi"


def secrets_content(secrets: Mapping[str, str]) -> bytes:
    """Raises InvalidInput, which quotes nothing, for what would not be one line."""
    lines = [f"{name}={value}" for name, value in sorted(secrets.items())]
    if not all(_LINE.fullmatch(line) for line in lines):
        raise InvalidInput("A secret for a machine is not one word.", "Store it again.")
    return "".join(f"{line}\n" for line in lines).encode()


def waits_for_token(report: NodeReport) -> bool:
    """Waits for one, or was refused with the one it has."""
    return any(
        step.stage is SetupStage.MODEL
        and (step.state is StepState.FAILED or (step.state is StepState.RUNNING and WAITS_FOR_TOKEN in step.detail))
        for step in report.steps
    )


class SecretsDelivery:
    """What one machine was handed by this process: each content once, again where the machine still waits."""

    def __init__(self) -> None:
        self._digest = ""
        self._delivered_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._problem = ""
        self._key_problem = ""

    async def see_to(self, context: Context, row: Instance, report: NodeReport) -> None:
        """Raises what the vault or the connection raise."""
        framework = FRAMEWORKS.get(row.framework)
        if framework is None or not framework.takes_key or row.owner != context.actor.owner:
            return
        if not report.steps or is_set_up(report.steps) or not self._is_time(context, report):
            return
        self._looked_at = context.clock.now()
        secrets = await self._secrets(context, row)
        if not secrets:
            return
        content = secrets_content(secrets)
        titles = " and ".join(_TITLES[name] for name in sorted(secrets))
        digest = hashlib.sha256(content).hexdigest()
        if digest == self._digest and not self._is_lost(context, report):
            return
        try:
            await self._hand_over(context, row, content)
        except AicError as error:
            if error.message != self._problem:
                self._problem = error.message
                message = f"{row.name} could not be handed {titles}: {error.message}"
                await _tell(context, row, "instance.secrets-failed", message, "warning")
            raise
        self._digest, self._delivered_at, self._problem = digest, context.clock.now(), ""
        await _tell(context, row, "instance.secrets-delivered", f"{row.name} was handed {titles}", "info")

    async def _secrets(self, context: Context, row: Instance) -> dict[str, str]:
        """Without a key that can be kept the server asks for none, which is told once."""
        token = await machine_token(context)
        found = {} if token is None else {HUB_TOKEN: token}
        try:
            key = await serving_key(context, row)
        except AicError as error:
            if error.message != self._key_problem:
                self._key_problem = error.message
                message = f"{row.name} serves without a key: {error.message}"
                await _tell(context, row, "instance.key-failed", message, "warning")
            key = None
        return found if key is None else {**found, SERVING_KEY: key}

    def _is_time(self, context: Context, report: NodeReport) -> bool:
        """At the first answer; later only where that failed or the machine waits, and then not at every answer."""
        if self._looked_at is None:
            return True
        since = (context.clock.now() - self._looked_at).total_seconds()
        if self._problem:
            return since >= RETRY_SECONDS
        return since >= LOOK_SECONDS and waits_for_token(report)

    def _is_lost(self, context: Context, report: NodeReport) -> bool:
        if self._delivered_at is None:
            return True
        has_waited = (context.clock.now() - self._delivered_at).total_seconds() >= RETRY_SECONDS
        return has_waited and any(WAITS_FOR_TOKEN in step.detail for step in report.steps)

    async def _hand_over(self, context: Context, row: Instance, content: bytes) -> None:
        command = delivery_command(len(content))
        finished = await context.nodes.run(node_address(context, row), command, stdin=content)
        if finished.exit_code == 0:
            return
        said = finished.stderr.decode(errors="replace").strip().splitlines()
        if said and "sudo" in said[-1]:
            step = f"Let {row.login or 'its login'} use sudo without a password."
            raise NotAllowed("its login may not use sudo.", step, said[-1])
        raise BadAnswer("the file could not be written there.", "Look at its disk.", said[-1] if said else "")


async def _tell(context: Context, row: Instance, kind: str, message: str, level: str) -> None:
    async with context.store.write() as transaction:
        await record(context, transaction, row, kind, message, level=level)
