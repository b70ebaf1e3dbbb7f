"""Where a machine's ssh is, and why it cannot be reached from here."""

from __future__ import annotations

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.instance import RUNNING_STATES, Instance
from aicompute_tui.services.context import Context
from aicompute_tui.ssh.base import NodeAddress

DEFAULT_LOGIN = "ubuntu"


def node_address(context: Context, instance: Instance) -> NodeAddress:
    """Raises Refused for a machine that does not run, has no address, or was launched from another host."""
    if instance.state not in RUNNING_STATES:
        raise Refused(
            f"{instance.name} is {instance.state.value}, so nothing on it can be reached.",
            "See `aic-tui instance list`.",
        )
    if instance.host_id != context.actor.host_id:
        raise Refused(
            f"{instance.name} was launched from another host, whose key it knows.",
            "Reach it from there; its end holds all the same.",
        )
    if instance.public_address is None:
        raise Refused(
            f"{instance.name} has no public address yet.",
            "Wait until the cloud has given it one, or look at its subnet.",
        )
    return NodeAddress(
        instance_id=instance.id,
        host=instance.public_address,
        port=int(context.preferences.text("ssh_port")),
        login=instance.login or DEFAULT_LOGIN,
        name=instance.name,
    )
