"""What a complaint must carry, by procedure and by what it is about; the document says of each what is not told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.rules.parameters import ContentParameters

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from services.legal.rules import RuleBook
    from services.legal.rules.vocabulary import ComplaintFact, Procedure


class Content(BaseModel):
    """One thing due in a complaint: once (``complaint``) or for each act (``act``)."""

    model_config = FROZEN
    item: str
    label_fr: str
    scope: Literal["complaint", "act"]
    grounds: Grounds


def contents_due(
    book: RuleBook, procedure: Procedure, about: Collection[ComplaintFact], day: date
) -> tuple[Content, ...]:
    """Everything that a complaint filed on ``day`` by ``procedure`` must carry, in the order of the rules."""
    return tuple(
        Content(
            item=content.item,
            label_fr=content.label_fr,
            scope=content.scope,
            grounds=resting_on(day, (rule,)),
        )
        for rule, content in book.of(ContentParameters, day)
        if procedure in content.procedures
        and set(content.only_when) <= set(about)
        and not set(content.except_when) & set(about)
    )
