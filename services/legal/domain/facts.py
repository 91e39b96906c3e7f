"""How a fact changes what legal knows of a case, in whatever order facts arrive."""

from __future__ import annotations

from typing import Any, Final

from services.legal.domain.state import (
    Answer,
    Approval,
    Case,
    Complaint,
    Diagnosis,
    Draft,
    Extraction,
    Filing,
    Hearing,
    Identification,
    Judgment,
    Preservation,
    Removal,
    newest,
)
from shared.casefile import CASE_EVENTS
from shared.clock import paris_day
from shared.contracts import legal as said
from shared.contracts.event import Event
from shared.contracts.everyone import ErasureCleared, ErasureObjected
from shared.contracts.evidence import (
    ActsExtracted,
    EvidenceQuarantined,
    EvidenceRefused,
    EvidenceTimestamped,
    EvidenceUploaded,
    EvidenceWithdrawn,
)
from shared.contracts.intake import CaseOpened, CaseUpdated
from shared.runtime.declaration import Recorded
from shared.runtime.latest import Latest

EVIDENCE: Final[tuple[type[Event], ...]] = (
    EvidenceUploaded,
    EvidenceTimestamped,
    EvidenceRefused,
    EvidenceQuarantined,
    EvidenceWithdrawn,
    ActsExtracted,
)
FOLLOWED: Final[tuple[type[Event], ...]] = (*CASE_EVENTS, *EVIDENCE, ErasureObjected)


def evolve(state: Case, fact: Recorded) -> Case:
    """The state with one more fact. Once the case is erased nothing sealed stays, whatever still comes."""
    state = state.model_copy(
        update={"case": fact.case, "latest": newest(state, fact.time), "file": state.file.fold(fact)}
    )
    changed = _of_others(state, fact) or _own(state, fact)
    state = state.model_copy(update={**changed, "sealed": _sealed(state, fact)})
    return state.model_copy(update={"sealed": {}}) if state.file.erased else state


def _of_others(state: Case, fact: Recorded) -> dict[str, Any]:
    match fact.event:
        case EvidenceUploaded(exhibit=exhibit):
            return {"exhibits": state.exhibits | {exhibit}}
        case EvidenceTimestamped(exhibit=exhibit, qualification=qualification):
            known = state.stamps.get(exhibit, frozenset())
            return {"stamps": {**state.stamps, exhibit: known | {qualification}}}
        case EvidenceRefused(exhibit=exhibit) | EvidenceWithdrawn(exhibit=exhibit):
            return {"gone": state.gone | {exhibit}}
        case EvidenceQuarantined(exhibit=exhibit):
            return {"quarantined": state.quarantined | {exhibit}}
        case ActsExtracted() as event:
            read = Extraction(exhibit=event.exhibit, acts=event.acts)
            offered = state.extractions.get(event.extraction, Latest[Extraction]()).offer(fact.sequence, read)
            return {"extractions": {**state.extractions, event.extraction: offered}}
        case _:
            return {}


def _own(state: Case, fact: Recorded) -> dict[str, Any]:
    match fact.event:
        case said.LimitationComputed(limits=limits):
            return {"computed": limits}
        case said.DeadlineThreatened(deadline=deadline):
            return {"threatened": state.threatened | {deadline}}
        case said.CaseDiagnosed() as event:
            diagnosis = Diagnosis(
                id=event.diagnosis,
                on=paris_day(fact.time),
                **event.model_dump(exclude={"diagnosis", "sealed_advice"}),
            )
            return {"diagnosis": diagnosis}
        case said.HoldPlaced(hold=hold):
            return {"holds": state.holds | {hold}}
        case said.HoldLifted(hold=hold):
            return {"lifted": state.lifted | {hold}}
        case ErasureCleared(erasure=erasure):
            return {"settled_erasures": state.settled_erasures | {erasure}}
        case ErasureObjected(erasure=erasure):
            # Another service's objection ends the erasure; ours also answers it.
            answered = {erasure} if fact.source == "legal" else set()
            return {"settled_erasures": state.settled_erasures | answered, "objected": state.objected | {erasure}}
        case _:
            return _of_complaint(state, fact) or _of_court(state, fact) or _of_requests(state, fact)


def _of_complaint(state: Case, fact: Recorded) -> dict[str, Any]:
    match fact.event:
        case said.ComplaintDrafted() as event:
            draft = Draft(
                number=event.draft,
                procedure=event.procedure,
                commitment=event.commitment,
                exhibits=event.exhibits,
                on=paris_day(fact.time),
            )
            return _complaint(state, event.complaint, draft=draft)
        case said.ComplaintApproved() as event:
            approval = Approval(
                draft=event.draft,
                procedure=event.procedure,
                commitment=event.commitment,
                by=event.approved_by,
                on=paris_day(fact.time),
                deadline=event.deadline,
            )
            return _complaint(state, event.complaint, approved=approval)
        case said.ComplaintFiled() as event:
            filing = Filing(draft=event.draft, procedure=event.procedure, mode=event.mode, day=event.day)
            return _complaint(state, event.complaint, filed=filing)
        case said.ComplaintAnswered() as event:
            known = state.complaints.get(event.complaint, Complaint()).answers
            answer = Answer(answer=event.answer, day=event.day)
            return _complaint(state, event.complaint, answers={**known, event.answer_id: answer})
        case _:
            return {}


def _of_court(state: Case, fact: Recorded) -> dict[str, Any]:
    match fact.event:
        case said.HearingScheduled() as event:
            hearing = Hearing(**event.model_dump(exclude={"hearing", "sealed_details"}))
            return {"hearings": {**state.hearings, event.hearing: hearing}}
        case said.JudgmentGiven() as event:
            given = Judgment(hearing=event.hearing, outcome=event.outcome, day=event.day, cents=event.costs.cents)
            return {"judgments": {**state.judgments, event.judgment: given}}
        case _:
            return {}


def _of_requests(state: Case, fact: Recorded) -> dict[str, Any]:
    match fact.event:
        case said.RemovalRequested() as event:
            asked = Removal(step=event.step, day=event.day)
            return {"removals": {**state.removals, event.removal: asked}}
        case said.RemovalAnswered() as event:
            known = state.removals[event.removal]
            answers = {**known.answers, event.answer_id: (event.answer, event.day)}
            return {"removals": {**state.removals, event.removal: known.model_copy(update={"answers": answers})}}
        case said.PreservationRequested() as event:
            kept = Preservation(data=event.data, day=event.day, expires=event.expires)
            return {"preservations": {**state.preservations, event.preservation: kept}}
        case said.PreservationAnswered() as event:
            held = state.preservations[event.preservation]
            said_so = {**held.answers, event.answer_id: (event.answer, event.day)}
            changed = held.model_copy(update={"answers": said_so})
            return {"preservations": {**state.preservations, event.preservation: changed}}
        case said.IdentificationRequested() as event:
            request = Identification(author=event.author, authority=event.authority, data=event.data, day=event.day)
            return {"identifications": {**state.identifications, event.identification: request}}
        case said.AuthorIdentified() as event:
            return {"identified": {**state.identified, event.identification: event.day}}
        case _:
            return {}


def _complaint(state: Case, complaint: str, **changed: Any) -> dict[str, Any]:
    known = state.complaints.get(complaint, Complaint())
    return {"complaints": {**state.complaints, complaint: known.model_copy(update=changed)}}


def _sealed(state: Case, fact: Recorded) -> dict[str, Latest[str]]:
    found = dict(state.sealed)
    for name, value in _secrets(fact.event).items():
        if value is not None:
            found[name] = found.get(name, Latest[str]()).offer(fact.sequence, value)
    return found


def _secrets(event: Event) -> dict[str, str | None]:
    """What of an event is sealed, by the name under which the state keeps it."""
    match event:
        case CaseOpened() | CaseUpdated():
            return {"contact": event.sealed_contact, "facts": event.sealed_facts, "authors": event.sealed_authors}
        case said.CaseDiagnosed():
            return {"advice": event.sealed_advice}
        case said.ComplaintDrafted():
            return {f"draft.{event.complaint}": event.sealed_digest}
        case said.ComplaintFiled():
            return {f"receipt.{event.complaint}": event.sealed_receipt}
        case said.HearingScheduled():
            return {f"hearing.{event.hearing}": event.sealed_details}
        case said.JudgmentGiven():
            return {f"judgment.{event.judgment}": event.sealed_damages}
        case said.RemovalRequested():
            return {f"removal.{event.removal}": event.sealed_target}
        case said.PreservationRequested():
            return {f"preservation.{event.preservation}": event.sealed_target}
        case said.IdentificationRequested():
            return {f"identification.{event.identification}": event.sealed_target}
        case said.AuthorIdentified():
            return {f"author.{event.identification}": event.sealed_identity}
        case _:
            return {}
