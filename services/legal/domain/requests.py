"""Requests about content and authors: have it removed, have data kept, have an author identified.

A preservation request by a private person binds nobody; it carries the day on which the law lets the data go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar, Final, Literal

from services.legal.domain.identification import retention, who_may_ask
from services.legal.domain.standing import happened, of_the_team, one_of, room, usable
from services.legal.domain.state import Case, acts
from services.legal.rules import load
from services.legal.rules.vocabulary import Authority
from services.legal.rules.vocabulary import DataClass as Class
from shared.clock import paris_day
from shared.contracts.event import Event, Id, Sealed
from shared.contracts.legal import (
    AuthorIdentified,
    DataClass,
    IdentificationRequested,
    PreservationAnswered,
    PreservationRequested,
    RemovalAnswered,
    RemovalRequested,
)
from shared.contracts.partners import Preservation as PlatformAnswer
from shared.errors import NotFound, Refused
from shared.ids import derived
from shared.runtime.declaration import Command

MOST_REQUESTS: Final = 200
_AUTHORITIES: Final = {
    "police": Authority.POLICE,
    "prosecutor": Authority.PROSECUTOR,
    "judge": Authority.INVESTIGATING_JUDGE,
    "civil-judge": Authority.CIVIL_JUDGE,
}


class RequestRemoval(Command):
    """``sealed_target`` (purpose evidence): the URL."""

    aggregate: ClassVar[str] = "case"

    removal: Id
    step: Literal["platform-notice", "internal-complaint", "out-of-court", "regulator", "trusted-flagger", "court"]
    day: date
    sealed_target: Sealed
    asked_by: Id


class AnswerRemoval(Command):
    aggregate: ClassVar[str] = "case"

    answer_id: Id
    removal: Id
    answer: Literal["acknowledged", "removed", "refused", "silence"]
    day: date
    told_by: Id


class RequestPreservation(Command):
    """``act``: the act that the data are about. ``since``: the day the account closed or the contract ended, if it did.

    ``sealed_target`` (purpose evidence): platform and account.
    """

    aggregate: ClassVar[str] = "case"

    preservation: Id
    data: DataClass
    act: Id
    day: date
    since: date | None = None
    sealed_target: Sealed
    asked_by: Id


class AnswerPreservation(Command):
    """What the platform itself answered, in a message that was verified."""

    aggregate: ClassVar[str] = "case"

    answer_id: Id
    preservation: Id
    answer: Literal["acknowledged", "refused"]
    day: date
    until: date | None = None


class RequestIdentification(Command):
    """``sealed_target`` (purpose authors): who is to be identified, as far as known."""

    aggregate: ClassVar[str] = "case"

    identification: Id
    author: Id
    authority: Literal["police", "prosecutor", "judge", "civil-judge"]
    data: DataClass
    day: date
    sealed_target: Sealed | None = None
    asked_by: Id


class IdentifyAuthor(Command):
    """``sealed_identity`` (purpose authors): who the author is, as an authority said."""

    aggregate: ClassVar[str] = "case"

    identification: Id
    day: date
    sealed_identity: Sealed
    told_by: Id


def request_removal(state: Case, command: RequestRemoval, now: datetime) -> Iterator[Event]:
    """One step for one URL. Raises Refused, NotFound."""
    if not _new(state, command.asked_by, command.removal, state.removals, command.day, paris_day(now)):
        return
    yield RemovalRequested(
        removal=command.removal, step=command.step, day=command.day, sealed_target=command.sealed_target
    )


def _new(state: Case, by: str, name: str, known: Mapping[str, object], day: date, today: date) -> bool:
    """Whether nothing is known under ``name`` yet. Raises Refused, NotFound where such a request cannot be."""
    usable(state)
    of_the_team(state, by)
    if name in known:
        return False
    room(known, MOST_REQUESTS)
    happened(day, today)
    return True


def answer_removal(state: Case, command: AnswerRemoval, now: datetime) -> Iterator[Event]:
    """What came of a step. Raises Refused, NotFound."""
    usable(state)
    of_the_team(state, command.told_by)
    known = state.removals.get(command.removal)
    if known is None:
        raise NotFound
    if command.answer_id in known.answers:
        return
    room(known.answers, MOST_REQUESTS)
    happened(command.day, paris_day(now), since=known.day)
    yield RemovalAnswered(answer_id=command.answer_id, removal=command.removal, answer=command.answer, day=command.day)


def request_preservation(state: Case, command: RequestPreservation, now: datetime) -> Iterator[Event]:
    """The request with the day on which the data may be gone. Raises Refused, NotFound."""
    today = paris_day(now)
    if not _new(state, command.asked_by, command.preservation, state.preservations, command.day, today):
        return
    expires = kept_until(state, command.act, command.data, today, since=command.since)
    if expires < command.day:
        message = f"These data had to be kept until {expires.isoformat()} only. Ask for another class of data."
        raise Refused("data-expired", message, field="data")
    yield PreservationRequested(
        preservation=command.preservation,
        data=command.data,
        day=command.day,
        expires=expires,
        sealed_target=command.sealed_target,
    )


def answer_preservation(state: Case, command: AnswerPreservation) -> Iterator[Event]:
    """The platform's answer, each once. Raises Refused, NotFound."""
    usable(state)
    known = state.preservations.get(command.preservation)
    if known is None:
        raise NotFound
    if command.answer_id in known.answers:
        return
    room(known.answers, MOST_REQUESTS)
    yield PreservationAnswered(
        answer_id=command.answer_id,
        preservation=command.preservation,
        answer=command.answer,
        day=command.day,
        until=command.until,
    )


def from_platform(message: PlatformAnswer, case: str, now: datetime) -> Command:
    """A platform's verified message as the answer that it is."""
    return AnswerPreservation(
        case=case,
        answer_id=derived(message.partner, message.id),
        preservation=message.preservation,
        answer=message.answer,
        day=paris_day(now),
        until=message.until,
    )


def kept_until(state: Case, act: str, data: DataClass, today: date, *, since: date | None) -> date:
    """Until which day data about an act must be kept. Raises Refused where that cannot be told."""
    known = next((one for one in acts(state, today) if one.id == act), None)
    if known is None:
        raise Refused("act-unknown", "This act is not in the case. Take its id from the proposal.", field="act")
    for one in retention(load(), known, today, account_closed_on=since, contract_ended_on=since):
        if one.data_class is Class(data) and one.keep_until is not None:
            return one.keep_until
    message = "Nothing counts down while the account lives. Give the day it was closed, as since."
    raise Refused("expiry-unknown", message, field="since")


def request_identification(state: Case, command: RequestIdentification, now: datetime) -> Iterator[Event]:
    """The request, if that authority may ask for that class of data. Raises Refused, NotFound."""
    today = paris_day(now)
    if not _new(state, command.asked_by, command.identification, state.identifications, command.day, today):
        return
    able = {one.authority for one in who_may_ask(load(), Class(command.data), today)}
    allowed = [name for name, authority in _AUTHORITIES.items() if authority in able]
    one_of(command.authority, allowed, "authority")
    yield IdentificationRequested(
        identification=command.identification,
        author=command.author,
        authority=command.authority,
        data=command.data,
        day=command.day,
        sealed_target=command.sealed_target,
    )


def identify(state: Case, command: IdentifyAuthor, now: datetime) -> Iterator[Event]:
    """An author's identity as an authority gave it. Raises Refused, NotFound."""
    usable(state)
    of_the_team(state, command.told_by)
    known = state.identifications.get(command.identification)
    if known is None:
        raise NotFound
    if command.identification in state.identified:
        return
    happened(command.day, paris_day(now), since=known.day)
    yield AuthorIdentified(
        identification=command.identification,
        author=known.author,
        day=command.day,
        sealed_identity=command.sealed_identity,
    )
