"""Rules and offences as they are cited: in words, with the source of each, and whether it was found there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict

from services.legal.rules import load
from services.legal.rules.parameters import OffenceParameters
from shared.errors import Refused


class Cited(BaseModel):
    """A rule as it is cited. ``sourced``: found in a published source."""

    model_config = ConfigDict(frozen=True)

    rule: str
    citation: str
    sourced: bool


def cited(rules: Iterable[str], day: date) -> tuple[Cited, ...]:
    """The rules as they are cited on ``day``; one that is no longer in force is named alone."""
    found = []
    for name in rules:
        try:
            rule = load().at(name, day)
        except Refused:
            found.append(Cited(rule=name, citation=name, sourced=False))
        else:
            found.append(Cited(rule=name, citation=rule.citation(day), sourced=rule.status == "sourced"))
    return tuple(found)


def label(offence: str, day: date) -> str:
    """The offence's name in French."""
    named = [found.label_fr for rule, found in load().of(OffenceParameters, day) if rule.id == offence]
    return named[0] if named else offence
