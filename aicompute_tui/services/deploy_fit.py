"""Before a deployment: whether the model fits on the GPUs that the container is given."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.container import GpuRequest
from aicompute_tui.domain.deployment import Deployment
from aicompute_tui.domain.fit import Gpus
from aicompute_tui.services.context import Context
from aicompute_tui.services.fit_check import FitFinding, fit_finding
from aicompute_tui.services.host_gpus import gpus_of_host
from aicompute_tui.services.host_reports import HostLook

_SPLIT_BY = ("--tensor-parallel-size", "-tp")
_ENGINES = {"tei-reranker": "tei"}
"""Frameworks that are told apart by what they are for, not by how they use memory."""
_ON_ONE = frozenset({"vllm", "sglang"})
"""Servers that take one GPU of those they see, unless they are told to split the model."""


async def deployment_fit(
    context: Context,
    framework: str,
    models: Sequence[str],
    deployment: Deployment,
    look: HostLook | None,
    tokens: int | None,
) -> FitFinding | None:
    """None where no GPU is asked for, or nothing is served whose memory could be told."""
    given = deployment.gpus
    if given is None or look is None or look.report.facts.gpus == ():
        return None
    there = await gpus_of_host(context, look.host, look.report, look.containers)
    count = _asked_count(given, there.count or 0)
    used = min(count, _split(deployment.words)) if framework in _ON_ONE else count
    on = None if there.memory_mib is None else Gpus(memory_mib=there.memory_mib, count=max(1, used))
    engine = _ENGINES.get(framework, framework)
    return await fit_finding(context, engine, models, on, there.called or "GPU", tokens)


def _asked_count(given: GpuRequest, there: int) -> int:
    """A negative count is all of them."""
    if given.device_ids:
        return len(given.device_ids)
    return there if given.count < 0 else given.count


def _split(words: Sequence[str]) -> int:
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _SPLIT_BY:
            written = value if equals else "".join(words[place + 1 : place + 2])
            return int(written) if written.isdecimal() and len(written) < 4 else 1
    return 1
