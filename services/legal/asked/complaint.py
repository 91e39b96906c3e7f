"""Diagnosis and complaint: approved, drafted, filed, answered."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.legal.asked.particulars import check
from services.legal.asked.place import Asked, Place, closed, sealed
from services.legal.domain.complaint import (
    About,
    AnswerComplaint,
    ApproveComplaint,
    DraftComplaint,
    FileComplaint,
    Mode,
)
from services.legal.domain.diagnosis import ApproveDiagnosis, Option
from services.legal.particulars import Particulars
from shared import clock, ids
from shared.contracts.event import Commitment
from shared.contracts.legal import Procedure
from shared.contracts.sealed import Advice, Longer, ReceiptDetails
from shared.errors import NotFound
from shared.runtime.declaration import Command


class _Concerning(Asked):
    """What a complaint is about. ``authors_of_age``: no author is a minor, as far as the lawyer knows."""

    about: About = ()
    authors_of_age: bool = False


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


class DraftAsked(_Concerning):
    """``draft``: its number, the next one where it is not told."""

    procedure: Procedure
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
            sealed_particulars=closed(
                place.state, "evidence", self.particulars.model_dump(mode="json", exclude_defaults=True)
            ),
            asked_by=place.by,
            asked_at=clock.now(),
        )


class ApprovalAsked(_Concerning):
    commitment: Commitment

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
