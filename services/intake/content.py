"""What persons tell, as the API takes it and as it is sealed: the shapes that stand inside a case's sealed values.

``contact`` (read by intake, legal, billing, notify), ``facts`` (purpose evidence) and ``authors`` are each sealed as
the JSON of the model here; a part that was not told is absent.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl

from services.intake.domain.triage import ActKind
from services.intake.numbers import Danger
from services.intake.referrals import Ground
from shared import clock, ids
from shared.contracts.intake import Facets, Language, Persona, ReportedAct
from shared.errors import Refused
from shared.trust.sealing import seal

MOST_SEALED = 44_000
"""Characters of sealed text that one event may carry in all: with the rest it stays below the bus's 64 KB."""



def _past(day: date) -> date:
    if day > clock.paris_day(clock.now()):
        raise ValueError("This day is still to come")
    return day


Line = Annotated[str, Field(min_length=1, max_length=200)]
PastDay = Annotated[date, AfterValidator(_past)]


class Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Notify(Told):
    """How the person may be reached: by which channel, between which hours (Europe/Paris), in which language.

    ``safe_subject`` stands as the subject of every mail; ``show_place``: a calendar file may name the court.
    """

    channel: Literal["email", "none"] = "email"
    after: time = time(9)
    before: time = time(20)
    language: Language | None = None
    safe_subject: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\r\n]+$")] | None = None
    show_place: bool = False


class Contact(Told):
    """Civil status and addresses; the names are those of legal's complaint. Everything is optional."""

    last_name: Line | None = None
    first_names: Line | None = None
    birth_day: PastDay | None = None
    birth_place: Line | None = None
    nationality: Line | None = None
    occupation: Line | None = None
    address: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[^\s@:;,\"<>()\x00-\x1f]+@[A-Za-z0-9.-]+$")] | None = None
    phone: Annotated[str, Field(max_length=30, pattern=r"^\+?[0-9 ().-]{6,30}$")] | None = None
    notify: Notify = Notify()


class Facts(Told):
    """What happened, in the person's words. ``dangers`` and ``ground`` never travel in clear."""

    account: Annotated[str, Field(max_length=12_000)] = ""
    urls: Annotated[tuple[Annotated[HttpUrl, Field(max_length=500)], ...], Field(max_length=20)] = ()
    ground: Ground | None = None
    school: bool = False
    dangers: Annotated[tuple[Danger, ...], Field(max_length=5)] = ()


class Author(Told):
    """An author as far as known; a pseudonym counts."""

    handle: Line
    platform: Line | None = None


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
        parts["sealed_contact"] = seal(_said(contact), recipients["contact"])
    if facts is not None:
        parts["sealed_facts"] = seal(_said(facts), recipients["evidence"])
    if authors:
        parts["sealed_authors"] = seal({"authors": [_said(one) for one in authors]}, recipients["authors"])
    if sum(map(len, parts.values())) > MOST_SEALED:
        message = "This is too long for one sending. Shorten the account, and add the rest as a document."
        raise Refused("too-long", message, field="facts.account")
    return parts


def _said(told: BaseModel) -> dict[str, Any]:
    return told.model_dump(mode="json", exclude_none=True)
