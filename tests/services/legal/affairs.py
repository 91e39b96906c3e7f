"""Affairs for the tests of legal's procedures: facts of the other services, commands with fixed ids."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.legal.domain.complaint import (
    AnswerComplaint,
    ApproveComplaint,
    DraftComplaint,
    FileComplaint,
    RecordDraft,
)
from services.legal.domain.diagnosis import ApproveDiagnosis
from services.legal.domain.hearings import ScheduleHearing
from services.legal.domain.judgment import GiveJudgment
from services.legal.service import service
from shared.contracts.evidence import EvidenceTimestamped, EvidenceUploaded
from shared.contracts.intake import (
    AccessGranted,
    CaseAssigned,
    CaseOpened,
    CaseUpdated,
    Facets,
    IdentityProven,
    ReportedAct,
)
from shared.money import Money
from tests.given import CASE, NOON, Given

RECIPIENTS: Any = dict.fromkeys(("contact", "account", "evidence", "authors"), "age1" + "q" * 58)
TODAY = date(2026, 11, 23)
LAWYER = "maitre-durand"
WORKER = "claire"
VICTIM = "holder-victim"
COMMITMENT = "c" * 64


def sealed(mark: str = "x") -> str:
    """Something that begins as every age file does."""
    return base64.b64encode(f"age-encryption.org/v1\n{mark}".encode()).decode()


def at(day: date) -> datetime:
    """Noon of that day, UTC."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def days(number: int) -> date:
    return TODAY + timedelta(days=number)


def act(name: str = "act-1", kind: str = "insult", day: date = TODAY, **other: Any) -> ReportedAct:
    return ReportedAct(act=name, kind=kind, day=day, **{"public": True, **other})


def facets(*acts: ReportedAct, **other: Any) -> Facets:
    return Facets(
        **{"persona": "victim", "acts": acts or (act(),), "authors_at_least": 2, "authors_at_most": 5, **other}
    )


def opened(*acts: ReportedAct, recipients: Any = None, **other: Any) -> CaseOpened:
    return CaseOpened(
        facets=facets(*acts, **other),
        locator="a" * 64,
        recipients=recipients or RECIPIENTS,
        sealed_contact=sealed("contact"),
        sealed_facts=sealed("facts"),
        sealed_authors=sealed("authors"),
    )


def updated(*acts: ReportedAct, **other: Any) -> CaseUpdated:
    return CaseUpdated(facets=facets(*acts, **other))


def team() -> tuple[Any, ...]:
    return (
        AccessGranted(access="access-1", role="victim", holder=VICTIM),
        CaseAssigned(role="lawyer", staff=LAWYER),
        CaseAssigned(role="case-worker", staff=WORKER),
    )


def proven() -> IdentityProven:
    return IdentityProven(means="identity-document", proven_by=WORKER)


def uploaded(exhibit: str = "exhibit-1", **other: Any) -> EvidenceUploaded:
    values = {"kind": "screenshot", "media_type": "image/png", "grade": "A", "declared_day": TODAY, **other}
    return EvidenceUploaded(
        exhibit=exhibit,
        commitment="e" * 64,
        size=9,
        uploader_role="victim",
        **{"sealed_details": sealed("details"), **values},
    )


def stamped(exhibit: str = "exhibit-1", **other: Any) -> EvidenceTimestamped:
    values = {"gen_time": NOON, "authority": "TSA", "qualification": "not-qualified", **other}
    return EvidenceTimestamped(exhibit=exhibit, policy="1.2.3", token="token-1", **values)


def case(*acts: ReportedAct, **other: Any) -> Given:
    """A case with its team, as it is on NOON before anything reacts."""
    return Given(service, "case").facts(opened(*acts, **other), *team())


def diagnosis(name: str = "diagnosis-1", **other: Any) -> ApproveDiagnosis:
    values: dict[str, Any] = {"solidity": "B", "options": ("complaint",), "approved_by": LAWYER, **other}
    return ApproveDiagnosis(case=CASE, diagnosis=name, **values)


def drafting(complaint: str = "complaint-1", draft: int = 1, procedure: Any = "simple", **other: Any) -> DraftComplaint:
    values: dict[str, Any] = {"sealed_particulars": sealed("told"), "asked_by": WORKER, "asked_at": NOON, **other}
    return DraftComplaint(case=CASE, complaint=complaint, draft=draft, procedure=procedure, **values)


def drafted(complaint: str = "complaint-1", draft: int = 1, procedure: Any = "simple", **other: Any) -> RecordDraft:
    values: dict[str, Any] = {"commitment": COMMITMENT, "exhibits": (), "sealed_digest": sealed("digest"), **other}
    return RecordDraft(case=CASE, complaint=complaint, draft=draft, procedure=procedure, **values)


def approval(complaint: str = "complaint-1", **other: Any) -> ApproveComplaint:
    values: dict[str, Any] = {"commitment": COMMITMENT, "approved_by": LAWYER, **other}
    return ApproveComplaint(case=CASE, complaint=complaint, **values)


def filing(complaint: str = "complaint-1", day: date = TODAY, **other: Any) -> FileComplaint:
    values: dict[str, Any] = {
        "mode": "registered-letter",
        "sealed_receipt": sealed("receipt"),
        "filed_by": WORKER,
        **other,
    }
    return FileComplaint(case=CASE, complaint=complaint, day=day, **values)


def answer(name: str = "answer-1", said: Any = "registered", day: date = TODAY, **other: Any) -> AnswerComplaint:
    values: dict[str, Any] = {"complaint": "complaint-1", "told_by": WORKER, **other}
    return AnswerComplaint(case=CASE, answer_id=name, answer=said, day=day, **values)


def hearing(name: str = "hearing-1", kind: Any = "trial", day: date | None = None, **other: Any) -> ScheduleHearing:
    values: dict[str, Any] = {"sealed_details": sealed("room"), "told_by": LAWYER, **other}
    return ScheduleHearing(case=CASE, hearing=name, kind=kind, day=day or days(30), **values)


def judgment(name: str = "judgment-1", day: date = TODAY, **other: Any) -> GiveJudgment:
    values: dict[str, Any] = {
        "hearing": "hearing-1",
        "outcome": "convicted",
        "costs": Money(cents=120_000),
        "told_by": LAWYER,
        **other,
    }
    return GiveJudgment(case=CASE, judgment=name, day=day, **values)


def diagnosed(*acts: ReportedAct, **other: Any) -> Given:
    """A case whose identity is proven and whose diagnosis a lawyer approved."""
    found = case(*acts, **other).facts(proven())
    found.when(diagnosis())
    return found


def approved(*acts: ReportedAct, **other: Any) -> Given:
    """A case with an approved simple complaint."""
    found = diagnosed(*acts, **other)
    found.when(drafting())
    found.when(drafted())
    found.when(approval())
    return found


def filed(*acts: ReportedAct, **other: Any) -> Given:
    """A case with a filed simple complaint."""
    found = approved(*acts, **other)
    found.when(filing())
    return found


def of(events: Any, name: str) -> Any:
    """The only event of that name."""
    [found] = [one for one in events if one.name == name]
    return found


def names(events: Any) -> list[str]:
    return [one.name for one in events]
