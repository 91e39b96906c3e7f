"""Which offences an act may be, and the maximum penalty that its known circumstances make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.act import known, ruled_out
from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.rules.parameters import OffenceParameters
from services.legal.rules.vocabulary import Fact, Regime, StartsFrom

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from services.legal.domain.act import Act
    from services.legal.rules import Rule, RuleBook


class Penalty(BaseModel):
    """A maximum penalty: prison in months, fine in cents, and the aggravations that were counted."""

    model_config = FROZEN
    prison_months: int
    fine_cents: int
    aggravations: tuple[Fact, ...] = ()


class Candidate(BaseModel):
    """An offence that an act may be.

    ``established``: every circumstance it needs is known; ``possible``: those in ``missing`` are still open.
    ``penalty`` counts what is known; ``highest`` is reached if every open circumstance turns out true.
    """

    model_config = FROZEN
    act: str
    offence: str
    label_fr: str
    certainty: Literal["established", "possible"]
    missing: tuple[Fact, ...]
    penalty: Penalty
    highest: Penalty
    regime: Regime
    counted_from: StartsFrom
    grounds: Grounds


def candidates(book: RuleBook, act: Act) -> tuple[Candidate, ...]:
    """Every candidate offence of ``act`` under the law of its day, in the order of the rules."""
    found = (candidate(rule, offence, act) for rule, offence in book.of(OffenceParameters, act.day))
    return tuple(one for one in found if one is not None)


def candidate(rule: Rule, offence: OffenceParameters, act: Act) -> Candidate | None:
    """``act`` as this offence, or None when its kinds or a known circumstance rule it out."""
    missing = _missing(offence, act)
    if missing is None:
        return None
    facts = known(act)
    hate_regime = offence.hate_regime if Fact.HATE_GROUND in facts else None
    return Candidate(
        act=act.id,
        offence=rule.id,
        label_fr=offence.label_fr,
        certainty="possible" if missing else "established",
        missing=missing,
        penalty=_penalty(offence, facts),
        highest=_penalty(offence, frozenset(Fact) - ruled_out(act)),
        regime=hate_regime or offence.regime,
        counted_from=offence.counted_from,
        grounds=resting_on(act.day, (rule,)),
    )


def _missing(offence: OffenceParameters, act: Act) -> tuple[Fact, ...] | None:
    """The open circumstances of the route that misses fewest, None when no route is left."""
    facts, out = known(act), ruled_out(act)
    ways = [
        tuple(sorted((set(route.requires) - facts) | (set(route.forbids) - out)))
        for route in offence.routes
        if set(route.kinds) & set(act.kinds) and not set(route.requires) & out and not set(route.forbids) & facts
    ]
    return min(ways, key=lambda way: (len(way), way), default=None)


def _penalty(offence: OffenceParameters, facts: AbstractSet[Fact]) -> Penalty:
    """The heaviest tier whose circumstances hold; there is always one, the base."""
    counted = tuple(fact for fact in offence.aggravations if fact in facts)
    prison, fine = max(
        (tier.prison_months, tier.fine_cents)
        for tier in offence.tiers
        if set(tier.requires) <= facts and tier.aggravations_at_least <= len(counted)
    )
    return Penalty(prison_months=prison, fine_cents=fine, aggravations=counted)
