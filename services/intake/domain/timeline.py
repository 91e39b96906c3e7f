"""Which facts the person's timeline shows, and on which day."""

from __future__ import annotations

from datetime import date

from services.intake.domain.state import Entry
from shared.clock import paris_day
from shared.contracts.billing import PaymentReceived
from shared.contracts.everyone import ErasureObjected
from shared.contracts.intake import CaseAssigned, CaseClosed, CaseOpened, ErasurePlanned, IdentityProven
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
)
from shared.runtime.declaration import Recorded


def entry_of(fact: Recorded) -> Entry | None:
    """The line that a fact makes, None for those that the timeline does not show."""
    match fact.event:
        case CaseOpened() | IdentityProven() | ErasurePlanned() | HoldLifted():
            return _entry(fact)
        case CaseAssigned(role=role):
            return _entry(fact, role)
        case CaseClosed(reason=reason) | HoldPlaced(reason=reason) | ErasureObjected(reason=reason):
            return _entry(fact, reason)
        case DeadlineThreatened(kind=kind, last_day=day):
            return _entry(fact, kind, day)
        case CaseDiagnosed(eligible=eligible):
            return _entry(fact, "eligible" if eligible else "other-routes")
        case ComplaintDrafted(procedure=procedure) | ComplaintApproved(procedure=procedure):
            return _entry(fact, procedure)
        case ComplaintFiled(procedure=procedure, day=day):
            return _entry(fact, procedure, day)
        case ComplaintAnswered(answer=answer, day=day):
            return _entry(fact, answer, day)
        case HearingScheduled(status=status, day=day):
            return _entry(fact, status, day)
        case JudgmentGiven(outcome=outcome, day=day):
            return _entry(fact, outcome, day)
        case PaymentReceived(payer=payer):
            return _entry(fact, payer)
        case _:
            return None


def _entry(fact: Recorded, detail: str = "", day: date | None = None) -> Entry:
    return Entry(at=fact.time, day=day or paris_day(fact.time), kind=fact.name, detail=detail)
