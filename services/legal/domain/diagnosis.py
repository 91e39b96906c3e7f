"""The free diagnosis: what the engines propose from the facts, and what the case's lawyer approves of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.legal.domain import identification, limitation, qualification
from services.legal.domain.admissibility import Admissibility, History, admissibility
from services.legal.domain.eligibility import Authors, Eligibility, eligibility
from services.legal.domain.identification import feasibility
from services.legal.domain.opening import as_published, fitting, limits_of, steps
from services.legal.domain.press_alert import PressLimit, earliest_press_limits
from services.legal.domain.qualification import candidates
from services.legal.domain.standing import the_lawyer, usable
from services.legal.domain.state import ENDING, Case, acts
from services.legal.rules import load
from services.legal.rules.vocabulary import ComplaintFact, DataClass, Procedure
from shared.clock import paris_day
from shared.contracts.event import Event, Id, Sealed
from shared.contracts.legal import Candidate, CaseDiagnosed, Feasibility
from shared.runtime.declaration import Command

Option = Literal["tell-school", "removal", "formal-letter", "complaint", "wait", "partner"]
_BEST_FIRST = ("possible", "doubtful", "expired", "not-lawful")
MOST_OFFENCES = 30


class Proposal(BaseModel):
    """What the engines say on one day; every part carries its rules and waits for a lawyer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    eligibility: Eligibility
    candidates: tuple[qualification.Candidate, ...]
    press: tuple[PressLimit, ...]
    limits: tuple[limitation.Limit, ...]
    feasibility: tuple[identification.Feasibility, ...]
    procedures: tuple[Admissibility, ...]

    @property
    def time_barred(self) -> bool:
        """Every limit that is known is over."""
        return bool(self.limits) and all(one.over for one in self.limits) and all(one.over for one in self.press)


class ApproveDiagnosis(Command):
    """``sealed_advice`` (purpose contact): what the lawyer tells the person, in words."""

    aggregate: ClassVar[str] = "case"

    diagnosis: Id
    solidity: Literal["A", "B", "C", "D"]
    options: Annotated[tuple[Option, ...], Field(min_length=1, max_length=6)]
    sealed_advice: Sealed | None = None
    approved_by: Id


def proposal(state: Case, today: date) -> Proposal:
    """What the engines propose for the case as it is known on ``today``."""
    book, known = load(), acts(state, today)
    offences = tuple((act, one) for act in known for one in candidates(book, act))
    return Proposal(
        day=today,
        eligibility=eligibility(book, authors(state), today),
        candidates=tuple(one for _, one in offences),
        press=earliest_press_limits(book, known, today),
        limits=limits_of(known, steps(state), today),
        feasibility=tuple(found for act, one in offences for found in feasibility(book, act, one, today)),
        procedures=tuple(admissibility(book, way, history(state), today) for way in Procedure),
    )


def authors(state: Case) -> Authors:
    """How many harassers there are, as told. A range upside down counts as its lower end alone."""
    facets = state.file.facets.value
    if facets is None:
        return Authors()
    most = facets.authors_at_most
    if most is not None and most < facets.authors_at_least:
        most = None
    return Authors(at_least=facets.authors_at_least, at_most=most)


def history(state: Case, about: Sequence[ComplaintFact] = ()) -> History:
    """What happened to the complaints of the case, as what opens the next way: the first filing, the first refusal."""
    simple = [one for one in state.complaints.values() if one.filed is not None and one.filed.procedure == "simple"]
    refused = [day for one in simple if (day := one.said(*ENDING)) is not None]
    return History(
        filed_on=min((one.filed.day for one in simple if one.filed is not None), default=None),
        refused_on=min(refused, default=None),
        about=tuple(about),
    )


def approve(state: Case, command: ApproveDiagnosis, now: datetime) -> Iterator[Event]:
    """The engines' proposal of today as the assigned lawyer approves it. Raises Refused, NotFound."""
    usable(state)
    the_lawyer(state, command.approved_by, "approved_by")
    if state.diagnosis is not None and state.diagnosis.id == command.diagnosis:
        return
    found = proposal(state, paris_day(now))
    reasons = [found.eligibility.reason] if found.eligibility.reason else []
    yield CaseDiagnosed(
        diagnosis=command.diagnosis,
        eligible=found.eligibility.fits and not found.time_barred,
        reasons=tuple(reasons) + (("time-barred",) if found.time_barred else ()),
        offences=offences_of(found),
        limits=fitting(as_published(one) for one in sorted(found.limits, key=lambda one: (one.over, one.last_day))),
        feasibility=feasible(found),
        solidity=command.solidity,
        options=command.options,
        approved_by=command.approved_by,
        sealed_advice=command.sealed_advice,
    )


def offences_of(found: Proposal) -> tuple[Candidate, ...]:
    """Each offence once with the heaviest prison incurred, the gravest first."""
    heaviest: dict[str, qualification.Candidate] = {}
    for one in found.candidates:
        known = heaviest.setdefault(one.offence, one)
        if one.penalty.prison_months > known.penalty.prison_months:
            heaviest[one.offence] = one
    gravest = sorted(heaviest.values(), key=lambda one: (-one.penalty.prison_months, one.offence))
    return tuple(
        Candidate(
            offence=one.offence,
            prison_months=one.penalty.prison_months,
            rules=tuple(basis.rule for basis in one.grounds.rules),
        )
        for one in gravest[:MOST_OFFENCES]
    )


def feasible(found: Proposal) -> tuple[Feasibility, ...]:
    """Per class of data the best that can be hoped for, and until when for the first act concerned."""
    best = []
    for data in DataClass:
        known = [one for one in found.feasibility if one.data_class is data]
        if not known:
            continue
        outcome = min((one.outcome for one in known), key=_BEST_FIRST.index)
        such = [one for one in known if one.outcome == outcome]
        until = min((one.countdown.keep_until for one in such if one.countdown.keep_until), default=None)
        rules = tuple(dict.fromkeys(basis.rule for one in such for basis in one.grounds.rules))
        best.append(Feasibility(data=data.value, verdict=outcome, until=until, rules=rules[:50]))
    return tuple(best)
