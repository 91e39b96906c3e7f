"""A complaint: drafted, approved as exactly that draft, filed, answered.

Drafting is asked of a job: no fact says that a draft was asked for, since nothing has happened yet. The fact is the
draft that was typeset; until then the job in the service's store is all there is, and asking the same draft again
asks the same job. Nothing here knows of money: filing waits for nobody's payment.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AwareDatetime, Field

from services.legal.domain.open_way import about, open_way, pressing
from services.legal.domain.standing import happened, of_the_team, room, the_lawyer, usable
from services.legal.domain.state import Case, Complaint
from services.legal.rules.vocabulary import ComplaintFact
from shared.clock import paris_day
from shared.contracts.event import Commitment, Event, Id, Sealed
from shared.contracts.legal import (
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintDrafted,
    ComplaintFiled,
    Procedure,
)
from shared.contracts.partners import FilingReceipt
from shared.errors import NotFound, Refused
from shared.ids import derived
from shared.runtime.declaration import Command, Job

TYPESET: Final = "typeset-complaint"
KEEP_RECEIPT: Final = "keep-receipt"
MOST_COMPLAINTS: Final = 20
MOST_ANSWERS: Final = 20
Mode = Literal["registered-letter", "electronic", "police-station", "court-registry", "bailiff"]
About = Annotated[tuple[ComplaintFact, ...], Field(max_length=10)]


class DraftComplaint(Command):
    """``draft``: its number, one more than the last. ``sealed_particulars`` (purpose evidence): what the draft says.

    ``authors_of_age``: the lawyer knows that no author is a minor. ``asked_at``: the instant printed on the document.
    """

    aggregate: ClassVar[str] = "case"

    complaint: Id
    draft: Annotated[int, Field(ge=1)]
    procedure: Procedure
    about: About = ()
    authors_of_age: bool = False
    sealed_particulars: Sealed
    asked_by: Id
    asked_at: AwareDatetime


class RecordDraft(Command):
    """The draft was typeset and stored under its commitment."""

    aggregate: ClassVar[str] = "case"

    complaint: Id
    draft: int
    procedure: Procedure
    commitment: Commitment
    sealed_digest: Sealed
    exhibits: tuple[Id, ...]


class AbandonDraft(Command):
    """The draft could not be typeset. No fact comes of it: the same draft may be asked for again."""

    aggregate: ClassVar[str] = "case"

    complaint: Id
    draft: int


class ApproveComplaint(Command):
    """``commitment`` names the exact draft that was read."""

    aggregate: ClassVar[str] = "case"

    complaint: Id
    commitment: Commitment
    about: About = ()
    authors_of_age: bool = False
    approved_by: Id


class FileComplaint(Command):
    """``sealed_receipt`` (purpose evidence): place, receipt number."""

    aggregate: ClassVar[str] = "case"

    complaint: Id
    mode: Mode
    day: date
    sealed_receipt: Sealed
    filed_by: Id


class AnswerComplaint(Command):
    """``told_by``: a member of the team, None for an authority's own signed message, whose receipt is then kept."""

    aggregate: ClassVar[str] = "case"

    answer_id: Id
    complaint: Id
    answer: Literal["registered", "refused", "closed", "prosecuted"]
    day: date
    told_by: Id | None = None
    sealed_receipt: Sealed | None = None


class ReceiptKept(Command):
    """An authority's receipt was stored, or could not be; the fact that it stands for is known already."""

    aggregate: ClassVar[str] = "case"

    answer_id: Id


def draft(state: Case, command: DraftComplaint, now: datetime) -> Iterator[Job]:
    """The job that typesets the draft. Raises Refused, NotFound."""
    usable(state)
    of_the_team(state, command.asked_by)
    known = state.complaints.get(command.complaint, Complaint())
    last = known.draft.number if known.draft else 0
    if command.draft <= last:
        return
    if command.draft != last + 1:
        raise Refused("draft-skipped", f"The next draft is number {last + 1}.", field="draft", conflict=True)
    if known.filed is not None:
        raise Refused("complaint-filed", "This complaint was filed. Begin another one.", conflict=True)
    if known.draft is None:
        room(state.complaints, MOST_COMPLAINTS)
    if state.diagnosis is None:
        message = "Have the diagnosis approved first: the complaint rests on it."
        raise Refused("not-diagnosed", message, conflict=True)
    open_way(state, command.procedure, paris_day(now), about(command.about, of_age=command.authors_of_age))
    yield Job(
        kind=TYPESET,
        subject=f"{command.complaint}.{command.draft}",
        payload={
            "complaint": command.complaint,
            "draft": command.draft,
            "procedure": command.procedure,
            "about": [one.value for one in command.about],
            "sealed_particulars": command.sealed_particulars,
            "asked_at": command.asked_at.isoformat(),
        },
    )


def record(state: Case, command: RecordDraft) -> Iterator[Event]:
    """The draft, unless it is known or the case came to its end meanwhile."""
    known = state.complaints.get(command.complaint, Complaint())
    last = known.draft.number if known.draft else 0
    if command.draft == last + 1 and known.filed is None and state.live and not state.forgetting:
        yield ComplaintDrafted(
            complaint=command.complaint,
            draft=command.draft,
            procedure=command.procedure,
            commitment=command.commitment,
            sealed_digest=command.sealed_digest,
            exhibits=command.exhibits,
        )


def approve(state: Case, command: ApproveComplaint, now: datetime) -> Iterator[Event]:
    """The lawyer's approval of exactly one draft. Raises Refused, NotFound."""
    usable(state)
    the_lawyer(state, command.approved_by, "approved_by")
    known = state.complaints.get(command.complaint, Complaint())
    if known.draft is None:
        raise NotFound
    if known.approved is not None and known.approved.commitment == command.commitment:
        return
    if known.filed is not None:
        raise Refused("complaint-filed", "This complaint was filed. Begin another one.", conflict=True)
    if known.draft.commitment != command.commitment:
        message = "There is a newer draft than the one you read. Read it, then approve it."
        raise Refused("not-the-latest-draft", message, field="commitment", conflict=True)
    if not state.file.identity_proven:
        message = "The person's identity is not proven yet. Have a member of the team check it first."
        raise Refused("identity-not-proven", message, conflict=True)
    today = paris_day(now)
    open_way(state, known.draft.procedure, today, about(command.about, of_age=command.authors_of_age))
    yield ComplaintApproved(
        complaint=command.complaint,
        draft=known.draft.number,
        procedure=known.draft.procedure,
        commitment=command.commitment,
        approved_by=command.approved_by,
        deadline=pressing(state, today),
    )


def file(state: Case, command: FileComplaint, now: datetime) -> Iterator[Event]:
    """The handing over of the approved draft. Raises Refused, NotFound."""
    usable(state)
    of_the_team(state, command.filed_by)
    known = state.complaints.get(command.complaint, Complaint())
    if known.draft is None:
        raise NotFound
    if known.filed is not None:
        if known.filed.day == command.day and known.filed.mode == command.mode:
            return
        raise Refused("complaint-filed", "This complaint was filed already. Begin another one.", conflict=True)
    if known.approved is None:
        message = "A lawyer has to approve this complaint before it is filed."
        raise Refused("not-approved", message, conflict=True)
    happened(command.day, paris_day(now), since=known.approved.on)
    yield ComplaintFiled(
        complaint=command.complaint,
        draft=known.approved.draft,
        procedure=known.approved.procedure,
        mode=command.mode,
        day=command.day,
        sealed_receipt=command.sealed_receipt,
    )


def answered(state: Case, command: AnswerComplaint, now: datetime) -> Iterator[Event | Job]:
    """What an authority said of a filed complaint. Raises Refused, NotFound."""
    if not state.file.opened or state.file.erased:
        raise NotFound
    if command.told_by is not None:
        of_the_team(state, command.told_by)
    known = state.complaints.get(command.complaint, Complaint())
    if known.draft is None:
        raise NotFound
    if command.answer_id in known.answers:
        return
    if known.filed is None:
        message = "Nobody can have answered this complaint yet. Record its filing first."
        raise Refused("not-filed", message, conflict=True)
    room(known.answers, MOST_ANSWERS)
    happened(command.day, paris_day(now), since=known.filed.day)
    yield ComplaintAnswered(
        answer_id=command.answer_id, complaint=command.complaint, answer=command.answer, day=command.day
    )
    if command.sealed_receipt is not None:
        payload = {"complaint": command.complaint, "sealed_receipt": command.sealed_receipt}
        yield Job(kind=KEEP_RECEIPT, subject=command.answer_id, payload=payload)


def from_authority(message: FilingReceipt, case: str, _now: datetime) -> Command:
    """An authority's verified receipt as the answer that it is: the complaint was registered."""
    return AnswerComplaint(
        case=case,
        answer_id=derived(message.partner, message.id),
        complaint=message.complaint,
        answer="registered",
        day=message.day,
        sealed_receipt=message.sealed_receipt,
    )
