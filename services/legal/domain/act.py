"""An act as the engines see it: its days, coarse kinds, and the circumstances known, excluded or open."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, model_validator

from services.legal.rules.vocabulary import ActKind, Fact

if TYPE_CHECKING:
    from shared.contracts.intake import ReportedAct


class Act(BaseModel):
    """One act. ``day``: the Paris day it happened or was first seen; ``kinds`` empty: nobody can tell yet.

    ``facts`` are known to be true, ``excluded`` known to be false, every other circumstance is open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    day: date
    first_published_on: date | None = None
    kinds: tuple[ActKind, ...] = ()
    facts: tuple[Fact, ...] = ()
    excluded: tuple[Fact, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Act:
        if both := known(self) & ruled_out(self):
            raise ValueError(f"known to be true and false at once: {', '.join(sorted(both))}. Keep one.")
        return self


def known(act: Act) -> frozenset[Fact]:
    """The circumstances known to be true; a victim under the lower age is a minor."""
    return frozenset(act.facts) | ({Fact.VICTIM_MINOR} if Fact.YOUNG_MINOR in act.facts else set())


def ruled_out(act: Act) -> frozenset[Fact]:
    """The circumstances known to be false; a victim of age is not under the lower age either."""
    return frozenset(act.excluded) | ({Fact.YOUNG_MINOR} if Fact.VICTIM_MINOR in act.excluded else set())


def published_on(act: Act) -> date:
    """The day of first publication; where it is not known, the day of the act (the earlier of both)."""
    return min(act.day, act.first_published_on or act.day)


def as_reported(report: ReportedAct, *, minor: bool | None = None) -> Act:
    """An act from what intake or evidence said of it; a kind unknown to the rules leaves ``kinds`` empty.

    A hate ground that was not reported stays open: its absence in a form proves nothing.
    """
    said = {
        Fact.ONLINE: report.online,
        Fact.PUBLIC: report.public,
        Fact.HATE_GROUND: report.hate_ground or None,
        Fact.VICTIM_MINOR: minor,
    }
    return Act(
        id=report.act,
        day=report.day,
        kinds=tuple(kind for kind in ActKind if kind == report.kind),
        facts=tuple(fact for fact, value in said.items() if value is True),
        excluded=tuple(fact for fact, value in said.items() if value is False),
    )
