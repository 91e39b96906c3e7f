"""The bodies that legal's API takes, each as the one command that it becomes.

Ids are drawn and secrets sealed here, at the edge: what goes further is sealed already. What a lawyer types about a
place or an account is bounded, so that it fits into an event once sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.legal.domain.complaint import (
    About,
    AnswerComplaint,
    ApproveComplaint,
    DraftComplaint,
    FileComplaint,
    Mode,
)
from services.legal.domain.diagnosis import ApproveDiagnosis, Option
from services.legal.domain.hearings import CalledBy, EndHearing, Kind, MoveHearing, ScheduleHearing
from services.legal.domain.judgment import GiveJudgment
from services.legal.domain.requests import (
    AnswerRemoval,
    IdentifyAuthor,
    RequestIdentification,
    RequestPreservation,
    RequestRemoval,
)
from services.legal.domain.state import Case
from services.legal.particulars import Particulars, check
from services.legal.rules.vocabulary import Area
from shared import clock, ids
from shared.contracts.event import Commitment, Id
from shared.contracts.intake import PurposeName
from shared.contracts.legal import DataClass, Procedure
from shared.contracts.sealed import (
    Advice,
    Damages,
    HearingDetails,
    IdentificationTarget,
    Identity,
    Longer,
    PreservationTarget,
    ReceiptDetails,
    RemovalTarget,
    SealedValue,
)
from shared.errors import NotFound, Refused
from shared.money import Money
from shared.runtime.declaration import Command
from shared.trust.sealing import seal

MOST_SEALED = 48_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body was sent: the case as it is known, the ids of the path, and ``by`` whom."""

    case: str
    path: Mapping[str, str]
    by: str
    state: Case


class Asked(BaseModel):
    """A body; ``command`` makes of it what is to be decided."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    def command(self, place: Place) -> Command:
        raise NotImplementedError


class DiagnosisAsked(Asked):
    """``advice``: what the lawyer tells the person, in words."""

    solidity: Literal["A", "B", "C", "D"]
    options: Annotated[tuple[Option, ...], Field(min_length=1, max_length=6)]
    advice: Annotated[str, Field(max_length=8000)] = ""

    def command(self, place: Place) -> Command:
        return ApproveDiagnosis(
            case=place.case,
            diagnosis=ids.new(),
            solidity=self.solidity,
            options=self.options,
            sealed_advice=sealed(place.state, "contact", Advice(text=self.advice)) if self.advice else None,
            approved_by=place.by,
        )


class DraftAsked(Asked):
    """``draft``: its number, the next one where it is not told."""

    procedure: Procedure
    about: About = ()
    authors_of_age: bool = False
    draft: Annotated[int, Field(ge=1)] | None = None
    particulars: Particulars = Particulars()

    def command(self, place: Place) -> Command:
        complaint = place.path.get("complaint")
        known = place.state.complaints.get(complaint) if complaint else None
        if complaint and known is None:
            raise NotFound
        check(self.particulars, place.state)
        last = known.draft.number if known and known.draft else 0
        return DraftComplaint(
            case=place.case,
            complaint=complaint or ids.new(),
            draft=self.draft or last + 1,
            procedure=self.procedure,
            about=self.about,
            authors_of_age=self.authors_of_age,
            sealed_particulars=_closed(
                place.state, "evidence", self.particulars.model_dump(mode="json", exclude_defaults=True)
            ),
            asked_by=place.by,
            asked_at=clock.now(),
        )


class ApprovalAsked(Asked):
    commitment: Commitment
    about: About = ()
    authors_of_age: bool = False

    def command(self, place: Place) -> Command:
        return ApproveComplaint(
            case=place.case,
            complaint=place.path["complaint"],
            commitment=self.commitment,
            about=self.about,
            authors_of_age=self.authors_of_age,
            approved_by=place.by,
        )


class FilingAsked(Asked):
    mode: Mode
    day: date
    place: Longer
    receipt: Annotated[str, Field(max_length=300)] = ""

    def command(self, place: Place) -> Command:
        return FileComplaint(
            case=place.case,
            complaint=place.path["complaint"],
            mode=self.mode,
            day=self.day,
            sealed_receipt=sealed(place.state, "evidence", ReceiptDetails(place=self.place, receipt=self.receipt)),
            filed_by=place.by,
        )


class AnswerAsked(Asked):
    answer: Literal["registered", "refused", "closed", "prosecuted"]
    day: date

    def command(self, place: Place) -> Command:
        return AnswerComplaint(
            case=place.case,
            answer_id=ids.new(),
            complaint=place.path["complaint"],
            answer=self.answer,
            day=self.day,
            told_by=place.by,
        )


class HearingAsked(Asked):
    kind: Kind
    day: date
    called_by: CalledBy | None = None
    served_on: date | None = None
    area: Area = Area.MAINLAND
    details: HearingDetails | None = None

    def command(self, place: Place) -> Command:
        return ScheduleHearing(
            case=place.case,
            hearing=ids.new(),
            kind=self.kind,
            told_by=place.by,
            **_of_hearing(place.state, self),
        )


class MoveAsked(Asked):
    day: date
    called_by: CalledBy | None = None
    served_on: date | None = None
    area: Area = Area.MAINLAND
    details: HearingDetails | None = None

    def command(self, place: Place) -> Command:
        return MoveHearing(
            case=place.case, hearing=place.path["hearing"], told_by=place.by, **_of_hearing(place.state, self)
        )


class EndAsked(Asked):
    status: Literal["cancelled", "held"]

    def command(self, place: Place) -> Command:
        return EndHearing(case=place.case, hearing=place.path["hearing"], status=self.status, told_by=place.by)


class JudgmentAsked(Asked):
    """``costs_cents`` and ``damages_cents`` in euro cents."""

    hearing: Id
    outcome: Literal["convicted", "acquitted", "dismissed", "partly-convicted"]
    day: date
    costs_cents: Annotated[int, Field(ge=0, le=10**12)] = 0
    damages_cents: Annotated[int, Field(ge=0, le=10**12)] | None = None

    def command(self, place: Place) -> Command:
        damages = None if self.damages_cents is None else Damages(cents=self.damages_cents)
        return GiveJudgment(
            case=place.case,
            judgment=ids.new(),
            hearing=self.hearing,
            outcome=self.outcome,
            day=self.day,
            costs=Money(cents=self.costs_cents),
            sealed_damages=None if damages is None else sealed(place.state, "contact", damages),
            told_by=place.by,
        )


class RemovalAsked(Asked):
    step: Literal["platform-notice", "internal-complaint", "out-of-court", "regulator", "trusted-flagger", "court"]
    day: date
    url: Annotated[str, Field(min_length=1, max_length=2000)]

    def command(self, place: Place) -> Command:
        return RequestRemoval(
            case=place.case,
            removal=ids.new(),
            step=self.step,
            day=self.day,
            sealed_target=sealed(place.state, "evidence", RemovalTarget(url=self.url)),
            asked_by=place.by,
        )


class RemovalAnswerAsked(Asked):
    answer: Literal["acknowledged", "removed", "refused", "silence"]
    day: date

    def command(self, place: Place) -> Command:
        return AnswerRemoval(
            case=place.case,
            answer_id=ids.new(),
            removal=place.path["removal"],
            answer=self.answer,
            day=self.day,
            told_by=place.by,
        )


class PreservationAsked(Asked):
    """``since``: the day the account was closed or the contract ended, where that starts the delay."""

    data: DataClass
    act: Id
    day: date
    since: date | None = None
    platform: Longer
    account: Longer

    def command(self, place: Place) -> Command:
        return RequestPreservation(
            case=place.case,
            preservation=ids.new(),
            data=self.data,
            act=self.act,
            day=self.day,
            since=self.since,
            sealed_target=sealed(
                place.state, "evidence", PreservationTarget(platform=self.platform, account=self.account)
            ),
            asked_by=place.by,
        )


class IdentificationAsked(Asked):
    author: Id
    authority: Literal["police", "prosecutor", "judge", "civil-judge"]
    data: DataClass
    day: date
    target: Annotated[str, Field(max_length=2000)] = ""

    def command(self, place: Place) -> Command:
        return RequestIdentification(
            case=place.case,
            identification=ids.new(),
            author=self.author,
            authority=self.authority,
            data=self.data,
            day=self.day,
            sealed_target=sealed(place.state, "authors", IdentificationTarget(target=self.target))
            if self.target
            else None,
            asked_by=place.by,
        )


class IdentityAsked(Asked):
    day: date
    name: Longer
    address: Annotated[str, Field(max_length=500)] = ""

    def command(self, place: Place) -> Command:
        return IdentifyAuthor(
            case=place.case,
            identification=place.path["identification"],
            day=self.day,
            sealed_identity=sealed(place.state, "authors", Identity(name=self.name, address=self.address)),
            told_by=place.by,
        )


def sealed(state: Case, purpose: PurposeName, value: SealedValue) -> str:
    """``value`` sealed to the case. Raises NotFound once its keys are gone, Refused for what is too long."""
    return _closed(state, purpose, value.content())


def _closed(state: Case, purpose: PurposeName, value: dict[str, Any]) -> str:
    recipient = state.file.recipients.get(purpose)
    if recipient is None:
        raise NotFound
    text = seal(value, recipient)
    if len(text) > MOST_SEALED:
        raise Refused("too-long", "This is too long for one sending. Shorten it, or add it as an exhibit.")
    return text


def _of_hearing(state: Case, asked: HearingAsked | MoveAsked) -> dict[str, Any]:
    details = asked.details or HearingDetails()
    return {
        "day": asked.day,
        "called_by": asked.called_by,
        "served_on": asked.served_on,
        "area": asked.area,
        "sealed_details": sealed(state, "contact", details) if details.content() else None,
    }
