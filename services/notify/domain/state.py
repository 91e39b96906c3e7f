"""What notify knows of a case: what happened that is worth telling, what is to come, what was sent, who is needed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.casefile import CaseFile
from shared.clock import paris_day
from shared.contracts.billing import CoverDecided, PaymentReceived, PaymentRefunded, PaymentRequested
from shared.contracts.event import Event
from shared.contracts.everyone import ErasureCleared, RecordViewed
from shared.contracts.evidence import EvidenceRefused, EvidenceTimestamped
from shared.contracts.intake import CaseClosed, CaseEscalated, CaseOpened, CaseUpdated
from shared.contracts.legal import (
    AuthorIdentified,
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintFiled,
    DeadlineThreatened,
    HearingScheduled,
    JudgmentGiven,
    RemovalAnswered,
)
from shared.contracts.notify import NotificationFailed, NotificationSent
from shared.ids import derived
from shared.runtime.declaration import Recorded, State
from shared.runtime.latest import Latest

TOLD: Final[tuple[type[Event], ...]] = (
    EvidenceTimestamped,
    EvidenceRefused,
    CaseDiagnosed,
    ComplaintApproved,
    ComplaintFiled,
    ComplaintAnswered,
    RemovalAnswered,
    AuthorIdentified,
    HearingScheduled,
    JudgmentGiven,
    DeadlineThreatened,
    PaymentRequested,
    PaymentReceived,
    PaymentRefunded,
    CoverDecided,
)
"""The facts of other services that a person may be told, beside intake's."""


DeadlineKind = Literal["press-limit", "limitation", "data-retention", "hearing", "no-answer"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Occasion(_Frozen):
    """A fact worth telling: ``at`` is when it was first recorded (UTC), ``about`` what it is about (an id or a day)."""

    template: str
    about: str
    at: datetime


class Hearing(_Frozen):
    """A hearing's present state; ``at`` is when it was recorded. ``sealed_details``: hour and place."""

    status: Literal["scheduled", "moved", "cancelled", "held"]
    day: date
    revision: int
    at: datetime
    sealed_details: str | None = None


class Deadline(_Frozen):
    """A last day (Europe/Paris, inclusive) before which something has to be done."""

    kind: DeadlineKind
    last_day: date
    at: datetime


class Escalation(_Frozen):
    """A human is needed since ``at`` (UTC), by intake's word."""

    reason: Literal["danger", "deadline", "retention"]
    at: datetime


class Outcome(_Frozen):
    """What became of a notification: sent at ``at``, or not, and why (``reason``)."""

    template: str
    at: datetime
    reason: str | None = None


class Case(State):
    """The fold of a case, for notify.

    ``occasions`` and ``outcomes`` are keyed by notification id, ``hearings``, ``deadlines`` and ``escalations`` by
    theirs; ``taken`` holds the keys of the alarms whose page a member of the team opened. Once an erasure is planned,
    everything sealed is dropped for good, also from facts that come later.
    """

    case: str = ""
    file: CaseFile = CaseFile()
    contact: Latest[str] = Latest[str]()
    occasions: dict[str, Occasion] = {}  # noqa: RUF012 - pydantic copies defaults
    hearings: dict[str, Latest[Hearing]] = {}  # noqa: RUF012
    deadlines: dict[str, Latest[Deadline]] = {}  # noqa: RUF012
    escalations: dict[str, Latest[Escalation]] = {}  # noqa: RUF012
    taken: frozenset[str] = frozenset()
    outcomes: dict[str, Outcome] = {}  # noqa: RUF012
    cleared: frozenset[str] = frozenset()

    @property
    def forgotten(self) -> bool:
        """An erasure was planned or done: nothing is sent to the person any more."""
        return bool(self.file.erasures) or self.file.erased


def notification_id(case: str, template: str, about: str) -> str:
    """The id of a notification: the same fact gives the same one, so that nothing is told twice."""
    return derived("notification", case, template, about)


def evolve(state: Case, fact: Recorded) -> Case:
    """The state with one more fact."""
    folded = _folded(state.model_copy(update={"case": fact.case, "file": state.file.fold(fact)}), fact)
    return _without_sealed(folded) if folded.forgotten else folded


def _folded(state: Case, fact: Recorded) -> Case:
    match fact.event:
        case CaseOpened() | CaseUpdated() as event:
            return _opened(state, fact, event)
        case HearingScheduled() as event:
            hearing = Hearing(
                status=event.status,
                day=event.day,
                revision=event.revision,
                at=fact.time,
                sealed_details=event.sealed_details,
            )
            latest = state.hearings.get(event.hearing, Latest[Hearing]()).offer(fact.sequence, hearing)
            return state.model_copy(update={"hearings": {**state.hearings, event.hearing: latest}})
        case CaseEscalated() as event:
            escalation = Escalation(reason=event.reason, at=fact.time)
            heard = state.escalations.get(event.escalation, Latest[Escalation]()).offer(fact.sequence, escalation)
            return state.model_copy(update={"escalations": {**state.escalations, event.escalation: heard}})
        case RecordViewed(record_id=str() as alarm):
            # Only our own readings are folded, and they name an alarm.
            return state.model_copy(update={"taken": state.taken | {alarm}})
        case DeadlineThreatened() as event:
            deadline = Deadline(kind=event.kind, last_day=event.last_day, at=fact.time)
            known = state.deadlines.get(event.deadline, Latest[Deadline]()).offer(fact.sequence, deadline)
            return state.model_copy(update={"deadlines": {**state.deadlines, event.deadline: known}})
        case NotificationSent() as event:
            outcome = Outcome(template=event.template, at=event.sent_at)
            return state.model_copy(update={"outcomes": {**state.outcomes, event.notification: outcome}})
        case NotificationFailed() as event:
            outcome = Outcome(template=event.template, at=fact.time, reason=event.reason)
            return state.model_copy(update={"outcomes": {**state.outcomes, event.notification: outcome}})
        case ErasureCleared(erasure=erasure):
            return state.model_copy(update={"cleared": state.cleared | {erasure}})
        case event:
            told = _told(event, paris_day(fact.time))
            return state if told is None else _occasion(state, fact, *told)


def _opened(state: Case, fact: Recorded, event: CaseOpened | CaseUpdated) -> Case:
    if event.sealed_contact is not None:
        state = state.model_copy(update={"contact": state.contact.offer(fact.sequence, event.sealed_contact)})
    return _occasion(state, fact, "opened", "case") if isinstance(event, CaseOpened) else state


def _told(event: Event, day: date) -> tuple[str, str] | None:
    """The template that a fact calls for, and what it is about; None where it is not told."""
    match event:
        case CaseClosed():
            return "closed", "case"
        case EvidenceTimestamped():
            # A raid makes hundreds of these, removals and authors alike: one mail a day says it.
            return "evidence-kept", day.isoformat()
        case EvidenceRefused():
            return "evidence-refused", day.isoformat()
        case CaseDiagnosed(diagnosis=diagnosis):
            return "diagnosis-ready", diagnosis
        case ComplaintApproved(complaint=complaint, draft=draft):
            return "complaint-ready", f"{complaint}.{draft}"
        case ComplaintFiled(complaint=complaint):
            return "complaint-filed", complaint
        case ComplaintAnswered(answer_id=answer):
            return "answer-received", answer
        case RemovalAnswered():
            return "answer-received", f"removals.{day}"
        case AuthorIdentified():
            return "news", f"authors.{day}"
        case JudgmentGiven(judgment=judgment):
            return "judgment-given", judgment
        case PaymentRequested(payment=payment, payer="person"):
            return "payment-requested", payment
        case PaymentReceived(payment=payment, payer="person"):
            return "payment-received", payment
        case PaymentRefunded(refund=refund):
            return "payment-refunded", refund
        case CoverDecided(cover=cover):
            return "cover-decided", cover
        case _:
            return None


def _occasion(state: Case, fact: Recorded, template: str, about: str) -> Case:
    key = notification_id(fact.case, template, about)
    known = state.occasions.get(key)
    at = fact.time if known is None else min(known.at, fact.time)
    occasion = Occasion(template=template, about=about, at=at)
    return state.model_copy(update={"occasions": {**state.occasions, key: occasion}})


def _without_sealed(state: Case) -> Case:
    hearings = {
        hearing: latest.model_copy(update={"value": latest.value.model_copy(update={"sealed_details": None})})
        for hearing, latest in state.hearings.items()
        if latest.value is not None
    }
    return state.model_copy(update={"contact": Latest[str](), "hearings": hearings})
