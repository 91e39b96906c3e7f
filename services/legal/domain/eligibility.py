"""Whether the offer fits an affair, by the number of harassers; when it does not, why, and which route remains."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.rules.parameters import OfferParameters

if TYPE_CHECKING:
    from services.legal.rules import RuleBook


class Authors(BaseModel):
    """How many harassers there are, from ``at_least`` to ``at_most``; None when nobody knows the upper end."""

    model_config = FROZEN
    at_least: Annotated[int, Field(ge=0)] = 1
    at_most: int | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Authors:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most is below at_least. Give the range in order.")
        return self


class Eligibility(BaseModel):
    """Whether the offer fits. When it does not: ``reason``, and ``other_route`` for the person."""

    model_config = FROZEN
    fits: bool
    reason: Literal["authors-too-many", "authors-may-be-too-many", "authors-not-known"] | None
    authors_below: int
    other_route: str | None
    grounds: Grounds


def eligibility(book: RuleBook, authors: Authors, today: date) -> Eligibility:
    """Whether an affair with ``authors`` fits the offer as it stands on ``today``."""
    rule, offer = book.one(OfferParameters, today)
    reason: Literal["authors-too-many", "authors-may-be-too-many", "authors-not-known"] | None
    if authors.at_least >= offer.authors_below:
        reason = "authors-too-many"
    elif authors.at_most is None:
        reason = "authors-not-known"
    elif authors.at_most >= offer.authors_below:
        reason = "authors-may-be-too-many"
    else:
        reason = None
    return Eligibility(
        fits=reason is None,
        reason=reason,
        authors_below=offer.authors_below,
        other_route=offer.other_route if reason else None,
        grounds=resting_on(today, (rule,)),
    )
