"""Doing a job again: what a failed or cancelled one was to do, as a new job with the same arguments."""

from __future__ import annotations

import json

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.domain.json import Json
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.jobs import job_view
from aicompute_tui.store.database import Transaction

NOT_REPEATED = {
    "credential.set": ("A job holds no keys, so this one cannot be done again.", "Give them to `credential set`."),
    "connection.add": ("A job holds no key, so this one cannot be done again.", "Give all to `connection add` again."),
    "connection.edit": (
        "A job holds no key, so this one cannot be done again.",
        "Give all to `connection edit` again.",
    ),
    "connection.export": (
        "A job holds no passphrase, so this one cannot be done again.",
        "Give it to `connection export` again.",
    ),
    "connection.import": (
        "A job holds no passphrase, so this one cannot be done again.",
        "Give it to `connection import` again.",
    ),
    "server.add": ("A job holds no key, so this one cannot be done again.", "Give all to `server add` again."),
    "server.edit": ("A job holds no key, so this one cannot be done again.", "Give all to `server edit` again."),
    "instance.reap": ("Other machines may be orphans by now.", "Reap again, and see which."),
    "job.cancel": ("A wish to stop is not repeated.", "Cancel the job itself."),
    "job.retry": ("A retry is not repeated.", "Retry the job it was about."),
}
"""What must be asked for anew: why, and how."""


_MADE = "again as job "


async def retry(context: Context, arguments: Arguments) -> Json:
    """Handler of `job.retry`: answers the new job, which an agent takes up."""
    running = context.running_job
    async with context.store.write() as transaction:
        await running.hold(transaction)
        if running.job.progress.startswith(_MADE):
            # Whoever held this retry before was stopped after writing the new job.
            return job_view(await transaction.jobs.get(running.job.progress.removeprefix(_MADE)))
        old = await transaction.jobs.find(required_text(arguments, "id"))
        await _check(transaction, old)
        again = _again(context, old)
        await transaction.jobs.insert(again)
        await transaction.jobs.update(running.job, progress=f"{_MADE}{again.id}")
        await transaction.events.append(_event(context, old, again))
    return job_view(again)


def _again(context: Context, old: Job) -> Job:
    now = context.clock.now()
    return Job(
        id=new_id(now),
        owner=context.actor.owner,
        created_by=context.actor.name,
        action_id=old.action_id,
        parameters_json=old.parameters_json,
        subject=old.subject,
        credential_id=old.credential_id,
        host_id=old.host_id,
        created_at=now,
    )


def _event(context: Context, old: Job, again: Job) -> Event:
    return told(
        context,
        "job.retried",
        ("job", old.id, old.action_id),
        f"{old.action_id} is done again as job {again.id}.",
        before={"job_id": old.id, "state": old.state.value},
        after={"job_id": again.id, "state": again.state.value},
    )


async def _check(transaction: Transaction, old: Job) -> None:
    """Raises Refused where doing it again is not safe, or not what was meant."""
    if not old.is_final:
        raise Refused(f"Job {old.id} is still under way.", "Cancel it first, or wait.")
    if old.state is JobState.DONE:
        raise Refused(f"Job {old.id} is done.", "Ask for the same anew if it is meant twice.")
    if old.action_id in NOT_REPEATED:
        raise Refused(*NOT_REPEATED[old.action_id])
    given = json.loads(old.parameters_json)
    if given.get("kind") == "portainer":
        raise Refused("A job holds no token, so this one cannot be done again.", "Give it to `host add` again.")
    if given.get("confirm_name"):
        raise Refused("It was confirmed by typing a name, which counts once.", "Ask for it anew.")
    if given.get("ttl_none_confirm"):
        raise Refused("A machine without an end was confirmed by a typed word, which counts once.", "Launch it anew.")
    standing = [row.name for row in await transaction.instances.by_job(old.id) if not row.is_final]
    if standing:
        raise Refused(f"{', '.join(standing)} of that job may still run.", "Look after it first: terminate or adopt.")
    for job in await transaction.jobs.list(include_final=False, limit=1_000):
        if (job.action_id, job.parameters_json) == (old.action_id, old.parameters_json):
            raise Refused(f"The same is under way as job {job.id}.", "Wait for it.")
