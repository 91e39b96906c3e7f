"""Hearings: called, moved, cancelled, held. Each change carries the hearing's whole present state.

A notice that is too short is recorded, not refused: courts err, and the lawyer pleads it. A day in the past is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import ClassVar, Final, Literal

from services.legal.domain.hearing_notice import NoticeCheck, notice_check
from services.legal.domain.standing import happened, of_the_team, room, usable
from services.legal.domain.state import Case, Hearing
from services.legal.rules import load
from services.legal.rules.vocabulary import Area, HearingKind
from shared.clock import paris_day
from shared.contracts.event import Event, Id, Sealed
from shared.contracts.legal import HearingScheduled
from shared.contracts.partners import CourtNotice
from shared.errors import NotFound, Refused
from shared.ids import derived
from shared.runtime.declaration import Command

Kind = Literal["trial", "guilt", "sanction", "civil-interests", "appeal", "civil", "investigation"]
CalledBy = Literal["direct-summons", "prosecutor-summons", "press-summons"]
Status = Literal["scheduled", "moved", "cancelled", "held"]
MOST_HEARINGS: Final = 60
_OF_MINORS: Final = {
    "guilt": HearingKind.MINOR_GUILT,
    "sanction": HearingKind.MINOR_SANCTION,
    "civil": HearingKind.CIVIL,
}


class ScheduleHearing(Command):
    """``served_on``: when the party was called, today where it is not told; ``area``: where that party lives.

    ``called_by`` says how a trial was called; where it is not told, as the complaint that was filed.
    """

    aggregate: ClassVar[str] = "case"

    hearing: Id
    kind: Kind
    day: date
    called_by: CalledBy | None = None
    served_on: date | None = None
    area: Area = Area.MAINLAND
    sealed_details: Sealed | None = None
    told_by: Id | None = None


class MoveHearing(Command):
    """Another day, or other details on the same day. Without ``sealed_details`` those known stay."""

    aggregate: ClassVar[str] = "case"

    hearing: Id
    day: date
    called_by: CalledBy | None = None
    served_on: date | None = None
    area: Area = Area.MAINLAND
    sealed_details: Sealed | None = None
    told_by: Id | None = None


class EndHearing(Command):
    """It is cancelled, or it was held."""

    aggregate: ClassVar[str] = "case"

    hearing: Id
    status: Literal["cancelled", "held"]
    told_by: Id | None = None


class TakeCourtNotice(Command):
    """A court's notice, confirmed by staff. It names no hearing of ours: the kind has to tell which one it moves."""

    aggregate: ClassVar[str] = "case"

    notice: Id
    kind: Kind
    status: Status
    day: date
    sealed_details: Sealed


def schedule(state: Case, command: ScheduleHearing, now: datetime) -> Iterator[Event]:
    """A new hearing with the check of its notice. Raises Refused, NotFound."""
    _asking(state, command.told_by)
    known = state.hearings.get(command.hearing)
    if known is not None:
        if known.kind == command.kind and known.day == command.day:
            return
        raise Refused("hearing-known", "This hearing is known already. Move it instead.", conflict=True)
    room(state.hearings, MOST_HEARINGS)
    yield _stated(state, command, command.kind, "scheduled", 0, now)


def move(state: Case, command: MoveHearing, now: datetime) -> Iterator[Event]:
    """The hearing on its new day. Raises Refused, NotFound."""
    _asking(state, command.told_by)
    known = _to_come(state, command.hearing)
    if known.day == command.day and command.sealed_details in {None, state.secret(f"hearing.{command.hearing}")}:
        return
    yield _stated(state, command, known.kind, "moved", known.revision + 1, now)


def end(state: Case, command: EndHearing, now: datetime) -> Iterator[Event]:
    """The hearing cancelled, or held on its day. Raises Refused, NotFound."""
    _asking(state, command.told_by)
    known = state.hearings.get(command.hearing)
    if known is not None and known.status == command.status:
        return
    known = _to_come(state, command.hearing)
    if command.status == "held":
        happened(known.day, paris_day(now))
    yield HearingScheduled(
        hearing=command.hearing,
        kind=known.kind,
        status=command.status,
        day=known.day,
        revision=known.revision + 1,
        notice=known.notice,
        rules=known.rules,
        sealed_details=state.secret(f"hearing.{command.hearing}"),
    )


def taken(state: Case, command: TakeCourtNotice, now: datetime) -> Iterator[Event]:
    """What a court's notice changes. Raises Refused, NotFound."""
    named = derived(state.case, "court-notice", command.notice)
    if command.status == "scheduled":
        yield from schedule(
            state,
            ScheduleHearing(
                case=command.case,
                hearing=named,
                kind=command.kind,
                day=command.day,
                sealed_details=command.sealed_details,
            ),
            now,
        )
        return
    hearing = _meant(state, command.kind)
    if command.status == "moved":
        moved = MoveHearing(case=command.case, hearing=hearing, day=command.day, sealed_details=command.sealed_details)
        yield from move(state, moved, now)
    else:
        yield from end(state, EndHearing(case=command.case, hearing=hearing, status=command.status), now)


def from_court(message: CourtNotice, case: str, _now: datetime) -> Command:
    """A court's verified message as the command that it becomes once staff confirm it."""
    return TakeCourtNotice(
        case=case,
        notice=derived(message.partner, message.id),
        kind=message.kind,
        status=message.status,
        day=message.day,
        sealed_details=message.sealed_details,
    )


def checked(
    state: Case, kind: Kind, day: date, today: date, *, called_by: CalledBy | None, served_on: date | None, area: Area
) -> NoticeCheck | None:
    """The check of a hearing's notice, None where the law sets none for this kind."""
    called = _OF_MINORS.get(kind) if kind != "trial" else HearingKind(called_by or _as_filed(state))
    if called is None:
        return None
    return notice_check(load(), called, served_on=served_on or today, hearing_day=day, area=area, today=today)


def _stated(
    state: Case, command: ScheduleHearing | MoveHearing, kind: Kind, status: Status, revision: int, now: datetime
) -> HearingScheduled:
    today = paris_day(now)
    if command.day < today:
        message = "This hearing would be in the past. Check its day."
        raise Refused("hearing-in-past", message, field="day")
    if command.served_on is not None and command.served_on > today:
        message = "The call cannot have been served on a day to come. Check it."
        raise Refused("day-in-future", message, field="served_on")
    found = checked(
        state, kind, command.day, today, called_by=command.called_by, served_on=command.served_on, area=command.area
    )
    # A hearing after the longest delay was not called too soon; the contract has no word for it.
    notice: Literal["lawful", "too-soon", "not-applicable"] = "not-applicable"
    if found is not None and found.outcome in {"lawful", "too-soon"}:
        notice = "lawful" if found.outcome == "lawful" else "too-soon"
    return HearingScheduled(
        hearing=command.hearing,
        kind=kind,
        status=status,
        day=command.day,
        revision=revision,
        notice=notice,
        rules=tuple(one.rule for one in found.grounds.rules) if found else (),
        sealed_details=command.sealed_details or state.secret(f"hearing.{command.hearing}"),
    )


def _asking(state: Case, told_by: str | None) -> None:
    usable(state)
    if told_by is not None:
        of_the_team(state, told_by)


def _to_come(state: Case, hearing: str) -> Hearing:
    known = state.hearings.get(hearing)
    if known is None:
        raise NotFound
    if not known.to_come:
        raise Refused("hearing-over", "This hearing was held or cancelled. Schedule a new one.", conflict=True)
    return known


def _meant(state: Case, kind: Kind) -> str:
    found = [hearing for hearing, one in sorted(state.hearings.items()) if one.kind == kind and one.to_come]
    if len(found) != 1:
        message = "The notice does not tell which hearing it is about. Change the hearing by hand."
        raise Refused("hearing-not-clear", message, field="kind")
    return found[0]


def _as_filed(state: Case) -> CalledBy:
    ways = {one.filed.procedure for one in state.complaints.values() if one.filed is not None}
    return "direct-summons" if "direct-summons" in ways else "prosecutor-summons"
