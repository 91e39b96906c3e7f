"""Folding: how each fact, whoever published it, changes what intake knows. Any order gives the same state."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from services.intake.domain.state import (
    CLEARING,
    LONGEST_TIMELINE,
    Answer,
    Case,
    Clearance,
    Complaint,
    Deadline,
    Diagnosis,
    Hearing,
    Hold,
    Limits,
    Objection,
    forgotten,
)
from services.intake.domain.timeline import entry_of
from shared.casefile import CASE_EVENTS
from shared.contracts.everyone import ErasureCleared, ErasureObjected
from shared.contracts.intake import AccessGranted, CaseErased, CaseEscalated, CaseOpened, CaseUpdated
from shared.contracts.legal import (
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintDrafted,
    ComplaintFiled,
    DeadlineThreatened,
    HearingScheduled,
    HoldLifted,
    HoldPlaced,
    JudgmentGiven,
    LimitationComputed,
)
from shared.runtime.declaration import Recorded
from shared.runtime.latest import Latest

T = TypeVar("T", bound=BaseModel)


def evolve(state: Case, fact: Recorded) -> Case:
    """The case with one more fact. After the erasure only what ``forgotten`` keeps is left, also of later facts."""
    state = state.model_copy(update={"file": state.file.fold(fact)})
    state = _dated(_own(state, fact) if isinstance(fact.event, CASE_EVENTS) else _followed(state, fact), fact)
    return forgotten(state) if state.file.erased else state


def _own(state: Case, fact: Recorded) -> Case:
    match fact.event:
        case CaseOpened() as event:
            guardians = frozenset({event.locator}) if event.facets.persona == "guardian" else frozenset[str]()
            opened = state.model_copy(update={"opener": event.locator, "guardians": state.guardians | guardians})
            return _resealed(opened, fact.event, fact.sequence)
        case CaseUpdated():
            return _resealed(state, fact.event, fact.sequence)
        case AccessGranted(role="guardian", access=access):
            return state.model_copy(update={"guardians": state.guardians | {access}})
        case CaseEscalated(escalation=escalation, reason=reason):
            return state.model_copy(
                update={
                    "escalations": state.escalations | {escalation},
                    "danger": state.danger or reason == "danger",
                }
            )
        case CaseErased(certificate=certificate):
            return state.model_copy(update={"certificate": certificate})
        case _:
            return state


def _followed(state: Case, fact: Recorded) -> Case:
    match fact.event:
        case DeadlineThreatened() as event:
            deadline = Deadline(kind=event.kind, last_day=event.last_day)
            return _offered(state, "deadlines", state.deadlines, event.deadline, fact, deadline, Latest[Deadline]())
        case LimitationComputed(earliest=earliest):
            return state.model_copy(
                update={"limits": state.limits.offer(fact.sequence, Limits(earliest=earliest))},
            )
        case HoldPlaced() as event:
            hold = Hold(reason=event.reason, until=event.until)
            return _offered(state, "holds", state.holds, event.hold, fact, hold, Latest[Hold]())
        case HoldLifted(hold=lifted):
            return state.model_copy(update={"lifted": state.lifted | {lifted}})
        case CaseDiagnosed() as event:
            diagnosis = Diagnosis(eligible=event.eligible, solidity=event.solidity, options=event.options)
            return state.model_copy(update={"diagnosis": state.diagnosis.offer(fact.sequence, diagnosis)})
        case (ComplaintDrafted() | ComplaintApproved() | ComplaintFiled() | ComplaintAnswered()) as event:
            return _of_complaint(state, event, fact.sequence)
        case HearingScheduled() as event:
            hearing = Hearing(kind=event.kind, status=event.status, day=event.day)
            return _offered(state, "hearings", state.hearings, event.hearing, fact, hearing, Latest[Hearing]())
        case JudgmentGiven(judgment=judgment):
            return state.model_copy(update={"judged": state.judged | {judgment}})
        case ErasureCleared() | ErasureObjected():
            return _of_erasure(state, fact)
        case _:
            return state


def _of_complaint(
    state: Case, event: ComplaintDrafted | ComplaintApproved | ComplaintFiled | ComplaintAnswered, sequence: int
) -> Case:
    known = state.complaints.get(event.complaint, Complaint())
    update: dict[str, object]
    match event:
        case ComplaintDrafted(draft=draft):
            update = {"drafts": known.drafts | {draft}}
        case ComplaintApproved(draft=draft):
            update = {"approved": known.approved | {draft}}
        case ComplaintFiled(day=day):
            update = {"filed": known.filed.offer(sequence, day)}
        case _:
            answer = Answer(answer=event.answer, day=event.day)
            update = {"answers": {**known.answers, event.answer_id: answer}}
    complaint = known.model_copy(update=update)
    return state.model_copy(update={"complaints": {**state.complaints, event.complaint: complaint}})


def _of_erasure(state: Case, fact: Recorded) -> Case:
    match fact.event:
        case ErasureCleared(erasure=erasure, kept=kept) if fact.source in CLEARING:
            known = state.clearances.get(erasure, {})
            clearance = Clearance(source=fact.source, at=fact.time, kept=dict(kept))
            offered = known.get(fact.aggregate, Latest[Clearance]()).offer(fact.sequence, clearance)
            clearances = {**state.clearances, erasure: {**known, fact.aggregate: offered}}
            return state.model_copy(update={"clearances": clearances})
        case ErasureObjected() as event:
            objection = Objection(source=fact.source, reason=event.reason, until=event.until)
            objections = {**state.objections.get(event.erasure, {}), fact.id: objection}
            return state.model_copy(update={"objections": {**state.objections, event.erasure: objections}})
        case _:
            return state


def _offered(
    state: Case, name: str, known: dict[str, Latest[T]], key: str, fact: Recorded, value: T, none: Latest[T]
) -> Case:
    """``state`` with the value of ``key`` in the field ``name`` replaced, if this fact is the newer."""
    return state.model_copy(update={name: {**known, key: known.get(key, none).offer(fact.sequence, value)}})


def _resealed(state: Case, event: CaseOpened | CaseUpdated, sequence: int) -> Case:
    written = {
        name: value
        for name, value in (
            ("contact", event.sealed_contact),
            ("account", event.sealed_account),
            ("facts", event.sealed_facts),
            ("authors", event.sealed_authors),
        )
        if value is not None
    }
    at = sequence if "account" in written else state.account_at
    return state.model_copy(update={"sealed": {**state.sealed, **written}, "account_at": at})


def _dated(state: Case, fact: Recorded) -> Case:
    entry = entry_of(fact)
    if entry is None:
        return state
    entries = {**state.timeline, fact.id: entry}
    # The newest by a total order: whatever came first, the same ones stay.
    newest = sorted(entries, key=lambda one: (entries[one].at, one))[-LONGEST_TIMELINE:]
    return state.model_copy(update={"timeline": {one: entries[one] for one in newest}})
