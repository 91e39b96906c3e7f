"""Requests about content and authors: removal, preservation, identification."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.legal.asked.place import Asked, Place, sealed
from services.legal.domain.requests import (
    AnswerRemoval,
    IdentifyAuthor,
    RequestIdentification,
    RequestPreservation,
    RequestRemoval,
)
from shared import ids
from shared.contracts.event import Id
from shared.contracts.legal import DataClass
from shared.contracts.sealed import IdentificationTarget, Identity, Longer, PreservationTarget, RemovalTarget
from shared.runtime.declaration import Command


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
