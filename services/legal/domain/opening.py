"""From the first fact on: the limits of every act, and the deadlines before which a lawyer is needed.

Limits are published at once, before any human has read the case, and again only when they change. A deadline is
judged as of the newest fact, so that ``react`` and ``wake`` always speak of the same ones; one that passed while the
service was away is still said, because somebody has to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from services.legal.domain import limitation
from services.legal.domain.act import Act
from services.legal.domain.admissibility import History, admissibility
from services.legal.domain.conclusion import Basis
from services.legal.domain.identification import retention
from services.legal.domain.limitation import Step, limits
from services.legal.domain.press_alert import PressLimit, earliest_press_limits
from services.legal.domain.state import ENDING, Case, acts
from services.legal.rules import RuleBook, load
from services.legal.rules.parameters import AlertParameters
from services.legal.rules.vocabulary import DataClass, Fact, ProceduralAct, Procedure, Regime
from shared.clock import paris_day, start_of_paris_day
from shared.contracts.event import Event
from shared.contracts.legal import DeadlineThreatened, Limit, LimitationComputed
from shared.ids import derived

MOST_BYTES = 44_000
"""Of JSON that the limits of one event may take; an event has other parts and a bound."""

_STEPS = {
    "simple": ProceduralAct.SIMPLE_COMPLAINT,
    "civil-party": ProceduralAct.CIVIL_PARTY_COMPLAINT,
    "direct-summons": ProceduralAct.DIRECT_SUMMONS,
}
"""The act of procedure that a complaint of each kind is; a civil action is none against the penal limits."""

_PRESS = frozenset({Regime.PRESS, Regime.PRESS_HATE, Regime.NON_PUBLIC_INSULT})


class Deadline(NamedTuple):
    """``id`` is derived, so that the same deadline is said once; ``alert`` is the instant (UTC) from which it is."""

    id: str
    kind: str
    act: str | None
    last_day: date
    alert: datetime


def react(state: Case, now: datetime) -> Iterator[Event]:
    """The limits where they changed, then each deadline whose time to alert has come."""
    if not state.live:
        return
    found = computed(state, paris_day(now))
    if found != state.computed and (found or state.computed):
        yield LimitationComputed(limits=found, earliest=earliest(found, paris_day(now)))
        return
    for one in waiting(state):
        if one.alert <= now:
            yield DeadlineThreatened.model_validate(
                {"deadline": one.id, "kind": one.kind, "act": one.act, "last_day": one.last_day}
            )


def wake(state: Case) -> datetime | None:
    """When the next deadline alerts."""
    return min((one.alert for one in waiting(state)), default=None) if state.live else None


def computed(state: Case, today: date) -> tuple[Limit, ...]:
    """The earliest possible press limit of each act, then what each offence it may be gives, the nearest first.

    What does not fit into one event is cut at the far end; the earliest limits always fit.
    """
    return _computed(acts(state, today), steps(state), today)


@lru_cache(maxsize=256)
def _computed(known: tuple[Act, ...], made: tuple[Step, ...], today: date) -> tuple[Limit, ...]:
    press = tuple(
        Limit(act=one.act, last_day=one.last_day, rules=_rules(one.grounds.rules), confidence=one.grounds.status)
        for one in press_limits(known, today)
    )
    qualified = sorted(limits_of(known, made, today), key=lambda one: (one.over, one.last_day))
    kept = fitting((*press, *(as_published(one) for one in qualified)))
    # Always in the same order: a day that passes changes nothing that has to be said again.
    return (*kept[: len(press)], *sorted(kept[len(press) :], key=lambda one: (one.act, str(one.qualification))))


def as_published(one: limitation.Limit) -> Limit:
    """An engine's limit in the contract's words, with the rules that the length and the offence come from."""
    return Limit(
        act=one.act,
        qualification=one.offence,
        last_day=one.last_day,
        rules=_rules(one.grounds.rules),
        confidence=one.confidence,
    )


def fitting(found: Iterable[Limit]) -> tuple[Limit, ...]:
    """As many of them, from the first, as one event takes."""
    taken: list[Limit] = []
    size = 0
    for one in found:
        size += len(one.model_dump_json()) + 1
        if size > MOST_BYTES:
            break
        taken.append(one)
    return tuple(taken)


def earliest(found: Iterable[Limit], today: date) -> date | None:
    """The nearest last day that is not over."""
    return min((one.last_day for one in found if one.last_day >= today), default=None)


def steps(state: Case) -> tuple[Step, ...]:
    """The acts of procedure made so far: complaints that were filed, prosecution, judgments."""
    made = [
        Step(kind=_STEPS[one.filed.procedure], day=one.filed.day, answered_on=one.said(*ENDING, "prosecuted"))
        for one in state.complaints.values()
        if one.filed is not None and one.filed.procedure in _STEPS
    ]
    begun = (one.said("prosecuted") for one in state.complaints.values())
    made += [Step(kind=ProceduralAct.PROSECUTION, day=day) for day in begun if day is not None]
    made += [Step(kind=ProceduralAct.JUDGMENT, day=one.day) for one in state.judgments.values()]
    return tuple(sorted(made, key=lambda one: (one.day, one.kind)))


def waiting(state: Case) -> tuple[Deadline, ...]:
    """The deadlines not over as of the newest fact and not yet said, each (kind, day) once."""
    if state.day is None:
        return ()
    found: dict[str, Deadline] = {}
    for one in (*_of_acts(state, state.day), *_of_complaints(state, state.day)):
        if (one.last_day >= state.day or one.kind == "no-answer") and one.id not in state.threatened:
            found.setdefault(one.id, one)
    return tuple(found.values())


def alert_before(book: RuleBook, last_day: date, today: date) -> datetime:
    """The instant (UTC) from which a deadline pages, as the rules in force on ``today`` say."""
    return start_of_paris_day(last_day - timedelta(days=book.one(AlertParameters, today)[1].days_below - 1))


def _of_acts(state: Case, today: date) -> Iterator[Deadline]:
    book, known = load(), acts(state, today)
    for one in press_limits(known, today):
        for last_day in sorted({one.last_day, one.hate_last_day or one.last_day}):
            yield _before(state, "press-limit", one.act, last_day, today)
    regimes = {one.offence: one.regime for one in limits_of(known, steps(state), today)}
    for limit in state.diagnosis.limits if state.diagnosis else state.computed or ():
        if limit.qualification is not None:
            kind = "press-limit" if regimes.get(limit.qualification) in _PRESS else "limitation"
            yield _before(state, kind, limit.act, limit.last_day, today)
    if any(one.data == DataClass.TECHNICAL.value for one in state.identifications.values()):
        return
    for act in known:
        for kept in retention(book, act, today) if Fact.ONLINE in act.facts else ():
            if kept.data_class is DataClass.TECHNICAL and kept.keep_until is not None:
                yield _before(state, "data-retention", act.id, kept.keep_until, today)


@lru_cache(maxsize=256)
def press_limits(known: tuple[Act, ...], today: date) -> tuple[PressLimit, ...]:
    """The engine's earliest press limits of these acts; kept as `limits_of` are."""
    return earliest_press_limits(load(), known, today)


@lru_cache(maxsize=256)
def limits_of(known: tuple[Act, ...], made: tuple[Step, ...], today: date) -> tuple[limitation.Limit, ...]:
    """The engine's limits of these acts after these steps; kept, since they are asked for at every fact."""
    return limits(load(), known, today, steps=made)


def _of_complaints(state: Case, today: date) -> Iterator[Deadline]:
    """The day from which the silence of the prosecutor opens the next way."""
    for complaint, one in sorted(state.complaints.items()):
        if one.open and one.filed is not None and one.filed.procedure == "simple" and not one.said("prosecuted"):
            opens = silence_ends(one.filed.day, today)
            if opens is not None:
                name = derived(state.case, "no-answer", complaint)
                yield Deadline(name, "no-answer", None, opens, start_of_paris_day(opens))


def silence_ends(filed_on: date, today: date) -> date | None:
    """From which day a simple complaint of ``filed_on`` without an answer opens the way of the civil party."""
    return admissibility(load(), Procedure.CIVIL_PARTY, History(filed_on=filed_on), today).opens_on


def _before(state: Case, kind: str, act: str, last_day: date, today: date) -> Deadline:
    # One page a day and kind, however many acts share it: a raid has hundreds.
    name = derived(state.case, kind, last_day.isoformat())
    return Deadline(name, kind, act, last_day, alert_before(load(), last_day, today))


def _rules(bases: Iterable[Basis]) -> tuple[str, ...]:
    return tuple(one.rule for one in bases)
