"""What the facts warrant: one mail a fact, reminders of what is to come, nothing about what is long past.

A reminder is asked for as soon as its hearing or deadline is known, as a job that is not due before its day: the
worker asks ``standing`` again when it is, so that a moved, cancelled or forgotten one is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from services.notify.domain.state import Case, Deadline, Hearing, notification_id
from shared.clock import end_of_paris_day, paris_day, start_of_paris_day
from shared.contracts.everyone import ErasureCleared
from shared.runtime.declaration import Decision, Job
from shared.runtime.latest import Latest

_T = TypeVar("_T")

SEND: Final = "send-mail"
FRESH: Final = timedelta(hours=48)
"""A fact older than this is not told any more: it was old when this service came to know it."""
PATIENCE: Final = timedelta(days=7)
"""How long a mail may wait for the person's hours or for the relay before it says nothing new."""
REACHED: Final = frozenset({"victim", "guardian"})
"""Who is written to. A witness or an institution gets no mail."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A mail that the facts warrant: not before ``due``, not after ``until`` (both UTC).

    ``known`` is when the fact behind it was recorded; ``hearing`` names the hearing whose calendar file goes with it.
    """

    id: str
    template: str
    known: datetime
    due: datetime
    until: datetime
    hearing: str | None = None


def react(state: Case, now: datetime) -> Decision:
    """Clearances of planned erasures, and a job for every mail that is warranted and not yet settled."""
    for erasure in sorted(state.file.erasures.keys() - state.cleared):
        yield ErasureCleared(erasure=erasure)
    for one in sorted(warranted(state), key=lambda one: one.id):
        reminds = one.due > one.known
        fresh = now < one.until if reminds else now - one.known <= FRESH
        if fresh and one.id not in state.outcomes:
            payload = {"template": one.template, "hearing": one.hearing}
            yield Job(kind=SEND, subject=one.id, payload=payload, not_before=one.due if reminds else None)


def standing(state: Case, notification: str) -> Notification | None:
    """The notification of that id, as long as the facts still warrant it."""
    return next((one for one in warranted(state) if one.id == notification), None)


def warranted(state: Case) -> Iterator[Notification]:
    """Every mail that the facts call for, whether settled or not; none where nobody may be written to."""
    if reachable(state):
        yield from _of_occasions(state)
        for key, hearing in present(state.hearings):
            yield from _of_hearing(state.case, key, hearing)
        if not state.file.closed:
            # The hearing itself is told and reminded of.
            deadlines = [one for _, one in present(state.deadlines) if one.kind != "hearing"]
            yield from _of_deadlines(state.case, deadlines)


def reachable(state: Case) -> bool:
    """Whether the contact may be written to: it belongs to the opener, who is a victim or a guardian with access.

    A frozen guardian is not written to, nor anybody once an erasure is planned.
    """
    facets = state.file.facets.value
    if state.forgotten or state.contact.value is None or facets is None or facets.persona not in REACHED:
        return False
    return any(
        access.value is not None
        and access.value.role == facets.persona
        and access.value.status == "accepted"
        and key not in state.file.revoked
        for key, access in state.file.accesses.items()
    )


def present(latest: Mapping[str, Latest[_T]]) -> Iterator[tuple[str, _T]]:
    """The values that there are, by their keys."""
    return ((key, one.value) for key, one in latest.items() if one.value is not None)


def _of_occasions(state: Case) -> Iterator[Notification]:
    paid = {one.about for one in state.occasions.values() if one.template == "payment-received"}
    for key, occasion in state.occasions.items():
        if occasion.template == "payment-requested" and occasion.about in paid:
            continue
        yield Notification(key, occasion.template, occasion.at, occasion.at, occasion.at + PATIENCE)


def _of_hearing(case: str, key: str, hearing: Hearing) -> Iterator[Notification]:
    if hearing.status == "held":
        return
    template = f"hearing-{hearing.status}"
    told = notification_id(case, template, f"{key}.{hearing.revision}")
    yield Notification(told, template, hearing.at, hearing.at, hearing.at + PATIENCE, hearing=key)
    if hearing.status == "cancelled":
        return
    week, eve = (start_of_paris_day(hearing.day - before) for before in (timedelta(days=7), timedelta(days=1)))
    begins = start_of_paris_day(hearing.day)
    reminders = (("hearing-week", week, eve), ("hearing-eve", eve, begins))
    yield from _reminders(case, f"{key}.{hearing.day}", hearing.at, reminders)


def _of_deadlines(case: str, deadlines: Iterable[Deadline]) -> Iterator[Notification]:
    """One mail for all that were threatened on one day, one reminder for all that end on one day."""
    found: dict[str, Notification] = {}
    for deadline in sorted(deadlines, key=lambda one: (one.last_day, one.at)):
        ends = end_of_paris_day(deadline.last_day)
        told = notification_id(case, "deadline", paris_day(deadline.at).isoformat())
        found[told] = Notification(told, "deadline", deadline.at, deadline.at, min(deadline.at + PATIENCE, ends))
        week = start_of_paris_day(deadline.last_day - timedelta(days=7))
        reminders = (("deadline-week", week, ends),)
        found |= {one.id: one for one in _reminders(case, deadline.last_day.isoformat(), deadline.at, reminders)}
    yield from found.values()


def _reminders(
    case: str, about: str, known: datetime, reminders: Iterable[tuple[str, datetime, datetime]]
) -> Iterator[Notification]:
    """Those that come after the fact itself was told."""
    for template, due, until in reminders:
        if due > known:
            yield Notification(notification_id(case, template, about), template, known, due, until)
