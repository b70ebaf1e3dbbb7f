"""Requests for more quota, followed until they are answered: each answer is an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.domain.quota import FamilyAnswer, QuotaRequest, RequestState
from aicompute_tui.services.context import Context
from aicompute_tui.services.events import told
from aicompute_tui.services.quota_places import QuotaPlace
from aicompute_tui.store.database import Transaction

_REMEMBERED = timedelta(days=30)
"""An older request that was answered before it was ever seen here is no news to anyone."""


async def take_answers(
    context: Context, transaction: Transaction, place: QuotaPlace, answers: Iterable[FamilyAnswer]
) -> list[QuotaRequest]:
    """Writes down what the cloud tells of a region's requests, and tells what was answered since."""
    now = context.clock.now()
    taken = []
    for each in answers:
        known = await transaction.quota_requests.get(each.answer.request_id)
        request = request_of(place, each, known, now)
        if known is None and not request.is_open and now - request.created_at > _REMEMBERED:
            continue
        await transaction.quota_requests.put(request)
        if known is not None and known.state is not request.state:
            await _tell(context, transaction, known, request)
        taken.append(request)
    return taken


def request_of(
    place: QuotaPlace, found: FamilyAnswer, known: QuotaRequest | None, now: datetime, asked_by: str = ""
) -> QuotaRequest:
    answer = found.answer
    request = QuotaRequest(
        id=answer.request_id,
        cloud=place.cloud.name,
        account_id=place.account_id,
        region=place.region,
        market=found.market,
        family=found.family,
        credential_id=place.credential_id,
        code=answer.code,
        name=answer.name,
        desired_vcpus=answer.desired_vcpus,
        state=answer.state,
        case_id=answer.case_id,
        asked_by=known.asked_by if known is not None and known.asked_by else asked_by,
        created_at=answer.created_at,
        updated_at=answer.updated_at,
        answered_at=None if known is None else known.answered_at,
    )
    if known is None or not known.is_open or request.is_open:
        return request
    return replace(request, answered_at=now)


async def _tell(context: Context, transaction: Transaction, before: QuotaRequest, after: QuotaRequest) -> None:
    is_bad = after.state in {RequestState.DENIED, RequestState.INVALID}
    event = told(
        context,
        "quota.followed" if after.is_open else "quota.answered",
        ("quota", after.id, subject_of(after)),
        outcome(after),
        before={"state": before.state.value},
        after={"state": after.state.value},
    )
    await transaction.events.append(replace(event, level="warning") if is_bad else event)


def subject_of(request: QuotaRequest) -> str:
    """`G/VT spot in ca-central-1`."""
    return f"{request.family} {request.market.value} in {request.region}"


def outcome(request: QuotaRequest) -> str:
    """What became of a request, in one sentence."""
    asked = f"{request.desired_vcpus} vCPU of “{request.name}” in {request.region}"
    case = f" (case {request.case_id})" if request.case_id else ""
    return {
        RequestState.PENDING: f"AWS looks at the request for {asked}{case}.",
        RequestState.CASE_OPENED: f"AWS opened a support case for {asked}{case}.",
        RequestState.APPROVED: f"AWS granted {asked}.",
        RequestState.DENIED: f"AWS denied {asked}{case}.",
        RequestState.CLOSED: f"AWS closed the case for {asked}{case}; the limit tells what came of it.",
        RequestState.INVALID: f"AWS could not process the request for {asked}{case}.",
        RequestState.UNKNOWN: f"AWS tells a state of the request for {asked} that is not known here{case}.",
    }[request.state]
