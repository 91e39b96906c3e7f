"""What every conclusion of an engine carries: its rules, how they are cited that day, and that a lawyer confirms it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from services.legal.rules import Rule

FROZEN = ConfigDict(frozen=True, extra="forbid")
Status = Literal["sourced", "general"]


class Basis(BaseModel):
    """One rule a conclusion rests on, cited as on the day it was read for."""

    model_config = FROZEN
    rule: str
    citation: str
    status: Status
    signed_off: bool
    note: str = ""


class Grounds(BaseModel):
    """The rules of a conclusion, each once, in the order they were used; ``general`` if any is unverified."""

    model_config = FROZEN
    rules: tuple[Basis, ...]
    status: Status
    to_confirm_by_lawyer: Literal[True] = True


def resting_on(day: date, rules: Iterable[Rule]) -> Grounds:
    """The grounds of a conclusion drawn on ``day`` from ``rules``."""
    bases = tuple(
        dict.fromkeys(
            Basis(
                rule=rule.id,
                citation=rule.citation(day),
                status=rule.status,
                signed_off=rule.signed_off,
                note=rule.note,
            )
            for rule in rules
        )
    )
    general = any(basis.status == "general" for basis in bases)
    return Grounds(rules=bases, status="general" if general else "sourced")
