"""What a complaint must carry, by procedure and by what it is about, and what a draft still lacks."""

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


def contents_missing(
    due: Collection[Content], *, complaint: Collection[str], acts: dict[str, Collection[str]]
) -> tuple[tuple[str | None, Content], ...]:
    """What of ``due`` is absent: (None, content) of the complaint itself, (act id, content) of each act.

    ``complaint`` and ``acts`` name the items that are present. Without any act, every item of an act is
    absent, for the act id "".
    """
    own = [(None, content) for content in due if content.scope == "complaint" and content.item not in complaint]
    each = [
        (act, content)
        for act, present in (acts or {"": ()}).items()
        for content in due
        if content.scope == "act" and content.item not in present
    ]
    return (*own, *each)
