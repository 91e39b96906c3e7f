"""What the team is shown of a case beside its procedure: what to do next, what may be chosen, what waits."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.legal.citing import Cited, cited
from services.legal.domain.diagnosis import Proposal, proposal
from services.legal.domain.next_step import Step, next_step
from services.legal.domain.state import Case, Complaint, reported
from services.legal.drafting import being_typeset
from services.legal.naming import is_name
from services.legal.shown import Procedure, opened, procedure
from shared.contracts.intake import Role
from shared.contracts.sealed import HearingDetails
from shared.runtime.running import Running

MOST_ACTS: Final = 40
"""Acts whose offences are chosen on the page; of the others the engines' choice stands."""

MOST_AUTHORS: Final = 20
MOST_DIGITS: Final = 6


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Way(_Shown):
    """A procedure, and whether it is open as far as is known without what the complaint is about."""

    procedure: str
    outcome: str
    opens_on: date | None
    cited: tuple[Cited, ...]


class ActToQualify(_Shown):
    """``offences``: rule id, name and whether every circumstance is known."""

    act: str
    kind: str
    day: date
    offences: tuple[tuple[str, str, bool], ...]


class Line(_Shown):
    """A case in the list of the team. ``nearest``: the nearest last day that is known and not over."""

    case: str
    step: Step
    nearest: date | None
    days_left: int | None


class Work(_Shown):
    """All that a member of the team needs for one case. ``drafting``: a draft asked for from this page, and how it is.

    ``reason``: why the offer does not fit, None where it does. ``waiting``: messages that wait to be confirmed.
    """

    step: Step
    procedure: Procedure
    role: Role
    ways: tuple[Way, ...]
    acts: tuple[ActToQualify, ...]
    authors: int
    minor: bool
    reason: str | None
    details: dict[str, HearingDetails]
    drafting: str
    waiting: tuple[tuple[str, Any], ...]


def line(case: str, state: Case, today: date) -> Line:
    """One case in the list."""
    limits = (*(state.computed or ()), *(state.diagnosis.limits if state.diagnosis else ()))
    nearest = min((one.last_day for one in limits if one.last_day >= today), default=None)
    left = None if nearest is None else (nearest - today).days
    return Line(case=case, step=next_step(state, today), nearest=nearest, days_left=left)


async def work(running: Running, case: str, state: Case, role: Role, today: date, asked: str = "") -> Work:
    """What is shown. ``asked``: complaint and number of a draft, joined by a dot. Raises KeysDestroyed, Unavailable."""
    found = proposal(state, today)
    facets = state.file.facets.value
    details = {}
    for name in state.hearings:
        told = await opened(HearingDetails, running, case, state, f"hearing.{name}", "contact")
        details[name] = told or HearingDetails()
    return Work(
        step=next_step(state, today),
        procedure=await procedure(running, case, state, today),
        role=role,
        ways=tuple(
            Way(
                procedure=one.procedure.value,
                outcome=one.outcome,
                opens_on=one.opens_on,
                cited=cited((basis.rule for basis in one.grounds.rules), today),
            )
            for one in found.procedures
        ),
        acts=_acts(state, found),
        authors=min(max((facets.authors_at_most or facets.authors_at_least) if facets else 1, 1), MOST_AUTHORS),
        minor=bool(facets and facets.minor),
        reason=None if found.eligibility.fits else found.eligibility.reason or "authors-not-known",
        details=details,
        drafting=await typesetting(running, case, state, asked),
        waiting=tuple(await running.outside.unconfirmed(case)),
    )


async def typesetting(running: Running, case: str, state: Case, asked: str) -> str:
    """How a draft that was asked for stands: ``under-way``, ``ready``, ``failed``, empty for no such thing."""
    complaint, _, number = asked.rpartition(".")
    if not is_name(complaint) or not number.isdecimal() or len(number) > MOST_DIGITS:
        return ""
    known = state.complaints.get(complaint, Complaint())
    if known.draft is not None and known.draft.number >= int(number):
        return "ready"
    return "under-way" if await being_typeset(running, case, complaint, int(number)) else "failed"


def _acts(state: Case, found: Proposal) -> tuple[ActToQualify, ...]:
    return tuple(
        ActToQualify(
            act=one.act,
            kind=one.kind,
            day=one.day,
            offences=tuple(
                (known.offence, known.label_fr, known.certainty == "established")
                for known in found.candidates
                if known.act == one.act
            ),
        )
        for one in sorted(reported(state), key=lambda act: (act.day, act.act))[:MOST_ACTS]
    )
