"""What a person or the team is shown of a case's procedure: conclusions in plain words, each with its rule.

No conclusion stands alone: its rule, its citation and whether a lawyer has confirmed it go with it.
"""

from __future__ import annotations

from datetime import date
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict

from services.legal.citing import Cited, cited, label
from services.legal.domain.legal_days import days_left
from services.legal.domain.state import Case, Complaint, reported
from shared.contracts.legal import Limit
from shared.contracts.sealed import Advice, HearingDetails, Hour, SealedValue, read_sealed
from shared.errors import BrokenContract
from shared.money import Money
from shared.runtime.running import Running

MOST_LIMITS: Final = 12
_Opened = TypeVar("_Opened", bound=SealedValue)


class Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShownLimit(Shown):
    """``label`` None: the earliest possible press limit, before any qualification."""

    label: str | None
    last_day: date
    days_left: int
    acts: int
    confidence: str
    cited: tuple[Cited, ...]


class ShownOffence(Shown):
    label: str
    cited: tuple[Cited, ...]


class ShownFeasibility(Shown):
    data: str
    verdict: str
    until: date | None
    cited: tuple[Cited, ...]


class ShownDiagnosis(Shown):
    on: date
    eligible: bool
    reasons: tuple[str, ...]
    solidity: str
    options: tuple[str, ...]
    advice: str | None
    offences: tuple[ShownOffence, ...]
    feasibility: tuple[ShownFeasibility, ...]


class ShownStep(Shown):
    """``what``: drafted, approved, filed, or an answer."""

    what: str
    day: date


class ShownComplaint(Shown):
    """``commitment``: of the latest draft."""

    complaint: str
    procedure: str
    draft: int
    commitment: str
    approved: bool
    filed: bool
    steps: tuple[ShownStep, ...]


class ShownHearing(Shown):
    hearing: str
    kind: str
    status: str
    day: date
    notice: str
    hour: Hour | None
    court: str | None
    room: str | None
    cited: tuple[Cited, ...]


class ShownJudgment(Shown):
    judgment: str
    outcome: str
    day: date
    costs: Money


class ShownRemoval(Shown):
    removal: str
    step: str
    day: date
    answers: tuple[str, ...]


class ShownPreservation(Shown):
    preservation: str
    data: str
    expires: date
    days_left: int
    answers: tuple[tuple[str, date], ...] = ()


class ShownIdentification(Shown):
    identification: str
    author: str
    authority: str
    data: str
    day: date
    identified_on: date | None


class Procedure(Shown):
    """Everything of one case, as of ``day`` (Europe/Paris)."""

    day: date
    acts: int
    limits: tuple[ShownLimit, ...]
    diagnosis: ShownDiagnosis | None
    complaints: tuple[ShownComplaint, ...]
    hearings: tuple[ShownHearing, ...]
    judgments: tuple[ShownJudgment, ...]
    removals: tuple[ShownRemoval, ...]
    preservations: tuple[ShownPreservation, ...]
    identifications: tuple[ShownIdentification, ...]


async def procedure(running: Running, case: str, state: Case, today: date) -> Procedure:
    """What is shown of ``case``. Raises KeysDestroyed, Unavailable, BrokenContract."""
    return Procedure(
        day=today,
        acts=len(reported(state)),
        limits=limits(state, today),
        diagnosis=await _diagnosis(running, case, state),
        complaints=tuple(
            _complaint(name, one) for name, one in sorted(state.complaints.items()) if one.draft is not None
        ),
        hearings=await _hearings(running, case, state),
        judgments=tuple(
            ShownJudgment(judgment=name, outcome=one.outcome, day=one.day, costs=Money(cents=one.cents))
            for name, one in sorted(state.judgments.items(), key=lambda item: item[1].day)
        ),
        removals=tuple(
            ShownRemoval(
                removal=name,
                step=one.step,
                day=one.day,
                answers=tuple(answer for answer, _ in sorted(one.answers.values(), key=lambda said: said[1])),
            )
            for name, one in sorted(state.removals.items(), key=lambda item: item[1].day)
        ),
        preservations=tuple(
            ShownPreservation(
                preservation=name,
                data=one.data,
                expires=one.expires,
                days_left=days_left(one.expires, today),
                answers=tuple(sorted(one.answers.values(), key=lambda answer: answer[1])),
            )
            for name, one in sorted(state.preservations.items(), key=lambda item: item[1].expires)
        ),
        identifications=tuple(
            ShownIdentification(identification=name, identified_on=state.identified.get(name), **one.model_dump())
            for name, one in sorted(state.identifications.items(), key=lambda item: item[1].day)
        ),
    )


def limits(state: Case, today: date) -> tuple[ShownLimit, ...]:
    """The limits not over, the nearest first, those of the same offence and day together."""
    groups: dict[tuple[date, str | None], list[Limit]] = {}
    for one in (*(state.computed or ()), *(state.diagnosis.limits if state.diagnosis else ())):
        if one.last_day >= today:
            groups.setdefault((one.last_day, one.qualification), []).append(one)
    nearest = sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or ""))[:MOST_LIMITS]
    return tuple(
        ShownLimit(
            label=None if offence is None else label(offence, today),
            last_day=last_day,
            days_left=days_left(last_day, today),
            acts=len({one.act for one in same}),
            confidence=same[0].confidence,
            cited=cited(same[0].rules, today),
        )
        for (last_day, offence), same in nearest
    )


async def _diagnosis(running: Running, case: str, state: Case) -> ShownDiagnosis | None:
    known = state.diagnosis
    if known is None:
        return None
    advice = await opened(Advice, running, case, state, "advice", "contact")
    return ShownDiagnosis(
        on=known.on,
        eligible=known.eligible,
        reasons=known.reasons,
        solidity=known.solidity,
        options=known.options,
        advice=advice.text if advice else None,
        offences=tuple(
            ShownOffence(label=label(one.offence, known.on), cited=cited(one.rules, known.on)) for one in known.offences
        ),
        feasibility=tuple(
            ShownFeasibility(data=one.data, verdict=one.verdict, until=one.until, cited=cited(one.rules, known.on))
            for one in known.feasibility
        ),
    )


def _complaint(name: str, one: Complaint) -> ShownComplaint:
    assert one.draft is not None  # noqa: S101 - the caller shows drafted ones alone
    steps = [ShownStep(what="drafted", day=one.draft.on)]
    steps += [ShownStep(what="approved", day=one.approved.on)] if one.approved else []
    steps += [ShownStep(what="filed", day=one.filed.day)] if one.filed else []
    answers = sorted(one.answers.values(), key=lambda answer: (answer.day, answer.answer))
    steps += [ShownStep(what=answer.answer, day=answer.day) for answer in answers]
    return ShownComplaint(
        complaint=name,
        procedure=one.draft.procedure,
        draft=one.draft.number,
        commitment=one.draft.commitment,
        approved=approved(one),
        filed=one.filed is not None,
        steps=tuple(steps),
    )


def approved(one: Complaint) -> bool:
    """The latest draft is the one that the lawyer approved."""
    return bool(one.draft and one.approved and one.draft.commitment == one.approved.commitment)


async def _hearings(running: Running, case: str, state: Case) -> tuple[ShownHearing, ...]:
    shown = []
    for name, one in sorted(state.hearings.items(), key=lambda item: (item[1].day, item[0])):
        told = await opened(HearingDetails, running, case, state, f"hearing.{name}", "contact") or HearingDetails()
        shown.append(
            ShownHearing(
                hearing=name,
                kind=one.kind,
                status=one.status,
                day=one.day,
                notice=one.notice,
                hour=told.hour,
                court=told.court,
                room=told.room,
                cited=cited(one.rules, one.day),
            )
        )
    return tuple(shown)


async def opened(
    model: type[_Opened], running: Running, case: str, state: Case, name: str, purpose: str
) -> _Opened | None:
    """A sealed part of the case; None where there is none, or where it cannot be read: others may have written it."""
    sealed = state.secret(name)
    if sealed is None:
        return None
    try:
        return read_sealed(model, await running.reveal(case, purpose, sealed))
    except BrokenContract:
        return None
