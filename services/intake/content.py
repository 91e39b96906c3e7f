"""What persons tell, as the API takes it: the facets in clear, and what is sealed (`shared.contracts.sealed`)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.intake.domain.triage import ActKind
from shared import ids
from shared.contracts.intake import Facets, Language, Persona, ReportedAct
from shared.contracts.sealed import Author, Authors, Contact, Facts
from shared.errors import Refused
from shared.trust.sealing import seal

MOST_SEALED = 44_000
"""Characters of sealed text that one event may carry in all: with the rest it stays below the bus's 64 KB."""


class Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Act(Told):
    """One act as told. ``day`` in Europe/Paris; ``public`` of None: not known."""

    kind: ActKind
    day: date
    online: bool = True
    public: bool | None = None
    hate_ground: bool = False


class Opening(Told):
    """The request that opens a case."""

    persona: Persona
    on_behalf: bool = False
    minor: bool | None = None
    anonymous: bool = False
    language: Language = "fr"
    acts: Annotated[tuple[Act, ...], Field(max_length=100)] = ()
    authors_at_least: Annotated[int, Field(ge=0, le=100_000)] = 1
    authors_at_most: Annotated[int, Field(ge=0, le=100_000)] | None = None
    spreading: bool = False
    contact: Contact | None = None
    facts: Facts | None = None
    authors: Annotated[tuple[Author, ...], Field(max_length=50)] = ()
    passphrase: Annotated[str, Field(max_length=1024)] | None = None

    def facets(self) -> Facets:
        """The part in clear, with an id drawn for each act."""
        return Facets(
            persona=self.persona,
            on_behalf=self.on_behalf,
            minor=self.minor,
            acts=tuple(reported(act) for act in self.acts),
            authors_at_least=self.authors_at_least,
            authors_at_most=self.authors_at_most,
            spreading=self.spreading,
            language=self.language,
        )


class Change(Told):
    """The request that changes a case: what is given replaces what was there, whole. ``more_acts`` are added."""

    minor: bool | None = None
    language: Language | None = None
    acts: Annotated[tuple[Act, ...], Field(max_length=100)] | None = None
    more_acts: Annotated[tuple[Act, ...], Field(max_length=100)] = ()
    authors_at_least: Annotated[int, Field(ge=0, le=100_000)] | None = None
    authors_at_most: Annotated[int, Field(ge=0, le=100_000)] | None = None
    spreading: bool | None = None
    contact: Contact | None = None
    facts: Facts | None = None
    authors: Annotated[tuple[Author, ...], Field(max_length=50)] | None = None

    def facets(self, known: Facets) -> Facets:
        """``known`` with what changes. Acts keep their ids unless they are replaced. Raises Refused over 200 acts."""
        acts = known.acts if self.acts is None else tuple(reported(act) for act in self.acts)
        acts = (*acts, *(reported(act) for act in self.more_acts))
        if len(acts) > 200:
            message = "A case takes 200 acts. Tell the team about the others in your own words."
            raise Refused("too-many-acts", message, field="more_acts")
        changed: dict[str, Any] = {"acts": acts}
        for name in ("minor", "language", "authors_at_least", "authors_at_most", "spreading"):
            if name in self.model_fields_set and (getattr(self, name) is not None or name in _MAY_BE_UNKNOWN):
                changed[name] = getattr(self, name)
        return known.model_copy(update=changed)


_MAY_BE_UNKNOWN = frozenset({"minor", "authors_at_most"})


def reported(act: Act) -> ReportedAct:
    """The act in the contract's words, with an id of its own."""
    return ReportedAct(act=ids.new(), **act.model_dump())


def sealed_parts(
    recipients: dict[Any, str],
    *,
    contact: Contact | None,
    facts: Facts | None,
    authors: tuple[Author, ...] | None,
) -> dict[str, str]:
    """``sealed_contact``, ``sealed_facts`` and ``sealed_authors`` of what was told.

    Raises:
        Refused: ``too-long`` when together they would not fit into one event.
    """
    parts = {}
    if contact is not None:
        parts["sealed_contact"] = seal(contact.content(), recipients["contact"])
    if facts is not None:
        parts["sealed_facts"] = seal(facts.content(), recipients["evidence"])
    if authors:
        parts["sealed_authors"] = seal(Authors(authors=authors).content(), recipients["authors"])
    if sum(map(len, parts.values())) > MOST_SEALED:
        message = "This is too long for one sending. Shorten the account, and add the rest as a document."
        raise Refused("too-long", message, field="facts.account")
    return parts
