"""One machine of the demo from its boot to its end: set-up, logs, work, GPUs, idleness, notices."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from datetime import UTC, datetime

from aicompute_tui.demo.fleet import Member
from aicompute_tui.demo.nodes import setting_up, talk
from aicompute_tui.demo.nodes.facts import Facts, Look
from aicompute_tui.demo.nodes.gpus import Gpus
from aicompute_tui.demo.nodes.journal import Journal
from aicompute_tui.demo.nodes.setting_up import NEVER, Plan, model_gib
from aicompute_tui.demo.nodes.work import Work
from aicompute_tui.domain.framework import FRAMEWORKS, Framework
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.node import SetupStage

SOURCES = ("setup", "cloud-init", "framework", "node")
_BUSY_PERCENT = 5.0
_SHELL_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = 300.0
_WARM_UP_SECONDS = 300.0


class Box:
    """`tick` moves it on; everything else reads it. Moments are seconds since 1970."""

    def __init__(self, facts: Facts, plan: Plan, now: float, member: Member | None = None) -> None:
        self.facts = facts
        self.plan = plan
        self.booted_at = plan[0].begins
        self.journals = {source: Journal() for source in SOURCES}
        self.gpus = Gpus(facts.instance_id, facts.gpu_name, facts.gpu_count, facts.gpu_memory_mib)
        is_busy = member is not None and member.is_busy
        self.work = Work(facts.framework, facts.instance_id, self.journals["framework"], is_busy=is_busy)
        self.secrets: dict[str, str] = {}
        self.notice = ""
        self._typed_at = 0.0
        self._awake_until: float | None = None
        self._ticked_at = now
        self._script = sorted(_script(plan, facts), key=lambda entry: entry[0])
        self._told = 0
        idle_for = member.idle_for_seconds if member is not None else 0
        self._active_at = min(now, setting_up.given_up_at(plan)) - idle_for
        self.catch_up(now)
        if setting_up.ready_at(plan) < now and self.framework is not None:
            self.work.past(now - idle_for)
        if is_busy and setting_up.ready_at(plan) < now:
            self.gpus.step(_WARM_UP_SECONDS, 2, self._memory_used(now))
        elif not is_busy:
            self.work.last_at = self._active_at

    @property
    def framework(self) -> Framework | None:
        return FRAMEWORKS.get(self.facts.framework)

    def answers(self, now: float) -> bool:
        """Whether its model server does."""
        return self.framework is not None and now >= self._serves_at() and not self.notice

    def models_here(self, now: float) -> tuple[str, ...]:
        """Models whose weights are on its disk."""
        steps = [step for step in self.plan if step.stage is SetupStage.MODEL]
        return tuple(step.name for step in steps if now >= step.ends and not step.failure)

    def loaded(self, now: float) -> tuple[str, ...]:
        """Models in its GPUs."""
        if not self.answers(now):
            return ()
        if self.facts.framework != "ollama":
            return self.facts.models[:1]
        return self.models_here(now) if now - self.work.last_at < _KEEP_ALIVE_SECONDS else ()

    def typed(self, now: float) -> None:
        """Somebody pressed a key in a shell."""
        self._typed_at = now

    def log(self, at: float, unit: str, text: str) -> None:
        """A line of its journal."""
        self.journals["node"].write(at, talk.node(at, self.facts.name, unit, text))

    def catch_up(self, now: float) -> None:
        """Writes into its logs what its set-up has to say by `now`."""
        due = bisect.bisect_right(self._script, now, self._told, key=lambda entry: entry[0])
        for at, source, line in self._script[self._told : due]:
            self.journals[source].write(at, line)
        self._told = due

    def tick(self, now: float, look: Look) -> str:
        """Moves on to `now`; answers why it powers itself off, empty while it does not."""
        seconds, self._ticked_at = max(0.1, now - self._ticked_at), now
        self._awake_until = look.awake_until
        self.catch_up(now)
        if look.interrupted_at is not None and not self.notice:
            self.notice = f"The cloud takes this machine back at {_moment(look.interrupted_at)}."
            self.log(now, "aic-tui-watch", self.notice)
            self.work.drop()
        if self.answers(now) and now >= setting_up.ready_at(self.plan):
            self.work.step(now, seconds, setting_up.ready_at(self.plan))
        self.gpus.step(seconds, self.work.running, self._memory_used(now))
        if self.busy_because(now):
            self._active_at = now
        return self._why_end(now, look)

    def busy_because(self, now: float) -> str:
        """One plain phrase; empty while nothing is done."""
        if now < min(setting_up.ready_at(self.plan), setting_up.given_up_at(self.plan)):
            return "set-up"
        if self.gpus.utilisation >= _BUSY_PERCENT:
            return f"GPU at {self.gpus.utilisation:.0f} %"
        if self.work.at_hand:
            return f"{self.work.at_hand} requests"
        return "a shell in use" if now - self._typed_at < _SHELL_SECONDS else ""

    def idle_ends_at(self) -> float | None:
        if self.facts.idle_seconds is None:
            return None
        return max(self._idle_since() + self.facts.idle_seconds, self._awake_until or 0.0)

    def progress(self, now: float) -> list[str]:
        return setting_up.progress_lines(self.plan, now)

    def activity(self, now: float) -> list[str]:
        """The lines of /run/aic-tui/activity."""
        busy = self.busy_because(now)
        ends = None if busy else self.idle_ends_at()
        limit = self.facts.idle_seconds
        answers = self.answers(now)
        is_vllm = answers and self.facts.framework != "ollama"
        values = {
            "checked": int(now),
            "idle_since": "" if busy else int(self._idle_since()),
            "limit": "none" if limit is None else limit,
            "ends": "" if ends is None else int(ends),
            "busy": busy,
            "running": self.work.running if answers else "",
            "waiting": self.work.waiting if is_vllm else "",
            "kv_percent": self.work.kv_percent if is_vllm else "",
            "models": ",".join(self.loaded(now)),
            "notice": self.notice,
        }
        return [f"{key}\t{value}" for key, value in values.items()]

    def _serves_at(self) -> float:
        """Ollama's own server stands before its models do."""
        if self.facts.framework == "ollama":
            begins = [step.begins for step in self.plan if step.stage in {SetupStage.MODEL, SetupStage.READY}]
            return min(min(begins) + 1.0, setting_up.ready_at(self.plan))
        return setting_up.ready_at(self.plan)

    def _idle_since(self) -> float:
        return max(self._active_at, self._typed_at)

    def _memory_used(self, now: float) -> float:
        total = self.gpus.total_mib
        if self.facts.framework == "ollama":
            return min(0.94 * total, sum(1024 * 1.15 * model_gib(model) + 420 for model in self.loaded(now)))
        loads = self.plan[-1]
        if self.framework is None or now < loads.begins or self.notice:
            return 0.0
        return 0.9 * total * min(1.0, (now - loads.begins) / max(0.1, loads.ends - loads.begins))

    def _why_end(self, now: float, look: Look) -> str:
        if look.expires_at is not None and now >= look.expires_at:
            return "The end of this machine has come: powering off (step 1)."
        ends = None if self.busy_because(now) else self.idle_ends_at()
        if ends is not None and now >= ends:
            return f"Nothing was done here for {now - self._idle_since():.0f} seconds: powering off."
        return ""


def plan_of(look: Look, member: Member | None, now: float, seconds: float, *, is_first_boot: bool) -> Plan:
    """How the set-up of a machine goes, by where the demo's fleet has it."""
    facts = look.facts
    if not is_first_boot:
        return setting_up.again(facts.framework, facts.models, now, seconds)
    if member is None:
        return setting_up.fresh(facts.framework, facts.models, now, seconds)
    return member_plan(member, look.launched_at, now, seconds)


def member_plan(member: Member, launched_at: float, now: float, seconds: float) -> Plan:
    """Of a machine that was there when the demo began."""
    framework, models = member.framework, member.models
    if member.failure:
        return setting_up.failed(framework, models, launched_at, member.failure)
    if member.model_percent is not None:
        return setting_up.under_way(framework, models, launched_at, now, member.model_percent, 0.6 * seconds)
    return setting_up.long_ago(framework, models, launched_at)


def _script(plan: Plan, facts: Facts) -> Iterator[tuple[float, str, str]]:
    for at, line in talk.cloud_init(plan, facts.name):
        yield at, "cloud-init", line
    for at, line in talk.set_up(plan):
        yield at, "setup", line
    for at, line in talk.server_start(facts.framework, facts.models, plan):
        yield at, "framework", line
    began = plan[0].begins
    yield began + 1, "node", talk.node(began + 1, facts.name, "systemd", "Started aic-tui-deadman.timer.")
    yield began + 2, "node", talk.node(began + 2, facts.name, "systemd", "Started aic-tui-watch.service.")
    given_up = setting_up.given_up_at(plan)
    if given_up < NEVER:
        text = "aic-tui-setup.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED"
        yield given_up, "node", talk.node(given_up, facts.name, "systemd", text)


def _moment(at: float) -> str:
    return format_moment(datetime.fromtimestamp(at, UTC))
