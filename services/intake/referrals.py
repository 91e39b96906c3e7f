"""Which partners may help: a table read from data, a pure choice."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.intake import Facets, Persona
from shared.contracts.sealed import Ground


class Partner(BaseModel):
    """A partner and when it is the right one: for one of ``grounds``, or in one of ``circumstances``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    url: str
    grounds: tuple[Ground, ...] = ()
    circumstances: tuple[Literal["minor", "school", "guardian"], ...] = ()
    fr: str
    en: str


class Partners(BaseModel):
    """``as_of``: the day on which all of them were as said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    partner: tuple[Partner, ...]


def read_partners(path: Path | None = None) -> Partners:
    """The partners in ``path``, by default ours. Raises ValueError on a file that does not say what it must."""
    text = (path or Path(__file__).with_name("referrals.toml")).read_text("utf-8")
    return Partners.model_validate(tomllib.loads(text))


def referrals(
    partners: Partners, facets: Facets | None, ground: str | None, persona: Persona, *, school: bool = False
) -> tuple[Partner, ...]:
    """The partners for what was told, in the table's order; none when nothing fits."""
    circumstances = {
        name
        for name, holds in (
            ("minor", facets is not None and facets.minor is True),
            ("school", school),
            ("guardian", persona == "guardian"),
        )
        if holds
    }
    return tuple(
        one for one in partners.partner if ground in one.grounds or circumstances.intersection(one.circumstances)
    )
