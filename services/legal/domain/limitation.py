"""Until which day an act can be pursued, for each offence it may be.

Every last day is inclusive: the action is possible until midnight of it in Paris. Where readings differ the shorter
one is given: a ground of hatred that is not known counts as absent, a contested act of procedure as not made.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.act import published_on
from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.domain.legal_days import after, days_left, last_day_of
from services.legal.domain.qualification import candidates
from services.legal.rules.parameters import ComputingParameters, InterruptionParameters, LimitationParameters
from services.legal.rules.vocabulary import Effect, ProceduralAct, Regime, StartsFrom

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.legal.domain.act import Act
    from services.legal.domain.qualification import Candidate
    from services.legal.rules import RuleBook

Caution = Literal["majority-not-known", "runs-from-majority", "contested-act-ignored", "act-came-too-late"]


class Step(BaseModel):
    """An act of procedure on a day; ``acts`` are the acts that it names, all of them when empty.

    ``answered_on``: when the prosecutor answered a simple complaint, None while unanswered.
    """

    model_config = FROZEN
    kind: ProceduralAct
    day: date
    answered_on: date | None = None
    acts: tuple[str, ...] = ()


class Run(BaseModel):
    """A limitation that ran from ``start``: its last day, and what counted on the way.

    ``renew_before``: after an interrupting act, the day by which a cautious lawyer makes the next one, where it is
    earlier than ``last_day``.
    """

    model_config = FROZEN
    start: date
    last_day: date
    renew_before: date | None
    warnings: tuple[Caution, ...]
    grounds: Grounds


class Limit(BaseModel):
    """The last day for an act under one qualification, as seen on the day asked.

    ``days_left``: 0 on the last day, negative once ``over``. ``interrupts``: what would start the delay again,
    ``suspends``: what would stop it for a while. ``confidence``: ``disputed`` when the qualification is only possible
    or something contested was set aside, ``general`` when a rule is unverified, else ``sourced``.
    """

    model_config = FROZEN
    act: str
    offence: str
    regime: Regime
    start: date
    last_day: date
    days_left: int
    over: bool
    renew_before: date | None
    interrupts: tuple[ProceduralAct, ...]
    suspends: tuple[ProceduralAct, ...]
    confidence: Literal["sourced", "general", "disputed"]
    warnings: tuple[Caution, ...]
    grounds: Grounds


def limits(
    book: RuleBook,
    acts: Sequence[Act],
    today: date,
    *,
    steps: Sequence[Step] = (),
    majority_on: date | None = None,
) -> tuple[Limit, ...]:
    """The limits of every act under every offence it may be, sorted by act and offence, the shortest of each once.

    Only acts that are established as the same offence make one course with a common last act: one that merely may
    belong to it prolongs nothing. Raises Refused ``rule-not-in-force`` for a ``today`` the book does not cover.
    """
    found: dict[tuple[str, str], Limit] = {}
    qualified = [(act, one) for act in acts for one in candidates(book, act)]
    for act, one in qualified:
        course = (
            other.day
            for other, same in qualified
            if same.offence == one.offence and one.certainty == same.certainty == "established"
        )
        start = _start(book, one, act, course, today)
        ran = run(book, one.regime, start, _naming(act, steps), today, majority_on=majority_on)
        limit = _limit(book, one, ran, today)
        before = found.setdefault((act.id, one.offence), limit)
        found[act.id, one.offence] = min(before, limit, key=lambda each: (each.last_day, each.model_dump_json()))
    return tuple(limit for _, limit in sorted(found.items()))


def run(
    book: RuleBook,
    regime: Regime,
    start: date,
    steps: Iterable[Step],
    today: date,
    *,
    majority_on: date | None = None,
) -> Run:
    """One limitation from ``start`` through ``steps``; what comes before the start or after the end has no effect.

    Raises Refused ``rule-not-in-force`` for a ``today`` the book does not cover.
    """
    rule, limitation = book.one(LimitationParameters, today, regime=regime)
    computing_rule, computing = book.one(ComputingParameters, today)
    rules = [rule, computing_rule]
    warnings: set[Caution] = set()
    last_day = last_day_of(start, limitation.delay, computing)
    if limitation.from_majority:
        ordinary, parameters = book.one(LimitationParameters, today, regime=Regime.DELIT)
        rules.append(ordinary)
        last_day = last_day_of(start, parameters.delay, computing)
        warnings.add("runs-from-majority" if majority_on else "majority-not-known")
        if majority_on:
            last_day = max(last_day, last_day_of(max(start, majority_on), limitation.delay, computing))
    renewed: date | None = None
    counted_to = start
    for step in sorted(steps, key=lambda made: (made.day, made.kind, made.answered_on or date.max)):
        effects = book.of(InterruptionParameters, today)
        found = [(by, is_) for by, is_ in effects if is_.act is step.kind and regime in is_.regimes]
        for step_rule, effect in found:
            if effect.effect is Effect.NONE:
                rules.append(step_rule)
            elif effect.contested:
                rules.append(step_rule)
                warnings.add("contested-act-ignored")
            elif step.day > last_day:
                warnings.add("act-came-too-late")
            elif effect.at_most is not None:
                stops = max(step.day, counted_to)
                resumes = min(after(step.day, effect.at_most), step.answered_on or date.max)
                if resumes > stops:
                    rules.append(step_rule)
                    last_day += resumes - stops
                    counted_to = resumes
            elif step.day >= start:
                rules.append(step_rule)
                renewed = last_day_of(step.day, limitation.restart, computing)
                last_day = max(last_day, renewed)
    return Run(
        start=start,
        last_day=last_day,
        renew_before=renewed if renewed is not None and renewed < last_day else None,
        warnings=tuple(sorted(warnings)),
        grounds=resting_on(today, rules),
    )


def _start(book: RuleBook, one: Candidate, act: Act, course: Iterable[date], today: date) -> date:
    match one.counted_from:
        case StartsFrom.FIRST_PUBLICATION:
            return published_on(act)
        case StartsFrom.LAST_ACT:
            return _last_of_course(book, one.regime, act.day, course, today)
        case _:
            return act.day


def _last_of_course(book: RuleBook, regime: Regime, first: date, course: Iterable[date], today: date) -> date:
    """The last day of a course of acts; a gap longer than the limitation ends it, as the shorter reading."""
    delay = book.one(LimitationParameters, today, regime=regime)[1].delay
    last = first
    for day in sorted(course):
        if last < day <= after(last, delay):
            last = day
    return last


def _naming(act: Act, steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(dict.fromkeys(step for step in steps if not step.acts or act.id in step.acts))


def _limit(book: RuleBook, one: Candidate, ran: Run, today: date) -> Limit:
    grounds = Grounds(
        rules=tuple(dict.fromkeys((*one.grounds.rules, *ran.grounds.rules))),
        status="general" if "general" in (one.grounds.status, ran.grounds.status) else "sourced",
    )
    doubtful = one.certainty == "possible" or "contested-act-ignored" in ran.warnings
    left = days_left(ran.last_day, today)
    return Limit(
        act=one.act,
        offence=one.offence,
        regime=one.regime,
        start=ran.start,
        last_day=ran.last_day,
        days_left=left,
        over=left < 0,
        renew_before=ran.renew_before,
        interrupts=_acts_with(book, one.regime, Effect.INTERRUPTS, today),
        suspends=_acts_with(book, one.regime, Effect.SUSPENDS, today),
        confidence="disputed" if doubtful else grounds.status,
        warnings=ran.warnings,
        grounds=grounds,
    )


def _acts_with(book: RuleBook, regime: Regime, effect: Effect, today: date) -> tuple[ProceduralAct, ...]:
    return tuple(
        parameters.act
        for _, parameters in book.of(InterruptionParameters, today)
        if parameters.effect is effect and regime in parameters.regimes and not parameters.contested
    )
