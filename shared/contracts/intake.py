"""Events of intake: the case, who may see it, how it ends."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Event, Id, Kind, Sealed, Service, Value

Persona = Literal["victim", "witness", "guardian", "institution"]
Role = Literal["victim", "witness", "guardian", "institution", "case-worker", "lawyer", "accountant"]
Urgency = Literal["normal", "high", "critical"]
Language = Literal["fr", "en"]
PurposeName = Literal["contact", "account", "evidence", "authors"]


class ReportedAct(Value):
    """One act as reported: coarse, with the day that deadlines count from (Europe/Paris)."""

    act: Id
    kind: Kind
    day: date
    online: bool = True
    public: bool | None = None
    hate_ground: bool = False


class Facets(Value):
    """What may be known of a case in clear; a change carries the whole of it.

    ``authors_at_most`` of None means that nobody knows. ``minor`` of None: not said.
    """

    persona: Persona
    on_behalf: bool = False
    minor: bool | None = None
    acts: Annotated[tuple[ReportedAct, ...], Field(max_length=200)] = ()
    authors_at_least: Annotated[int, Field(ge=0, le=100_000)] = 1
    authors_at_most: Annotated[int, Field(ge=0, le=100_000)] | None = None
    spreading: bool = False
    urgency: Urgency = "normal"
    language: Language = "fr"


class CaseOpened(Event):
    """A case begins. ``recipients``: the age public key of each purpose, to which everything is sealed.

    ``locator``: keyed blind index (HMAC-SHA-256, hex) of the case code's locator. Sealed by purpose: ``contact`` civil
    status, addresses, notification preferences; ``account`` the slow hashes of the secrets; ``facts`` (purpose
    evidence) what happened, in words, with URLs and hours; ``authors`` the harassers' handles.
    """

    name: ClassVar[str] = "case-opened"
    owner: ClassVar[Service | None] = "intake"

    facets: Facets
    anonymous: bool = False
    locator: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    recipients: dict[PurposeName, Annotated[str, Field(pattern=r"^age1[0-9a-z]{58}$")]]
    sealed_contact: Sealed | None = None
    sealed_account: Sealed | None = None
    sealed_facts: Sealed | None = None
    sealed_authors: Sealed | None = None


class CaseUpdated(Event):
    """The facets changed: the whole new value of them, and of what is sealed where it changed."""

    name: ClassVar[str] = "case-updated"
    owner: ClassVar[Service | None] = "intake"

    facets: Facets
    sealed_contact: Sealed | None = None
    sealed_account: Sealed | None = None
    sealed_facts: Sealed | None = None
    sealed_authors: Sealed | None = None


class CaseEscalated(Event):
    """A human is needed now. ``answered_by``: the staff id on call, None when nobody is there."""

    name: ClassVar[str] = "case-escalated"
    owner: ClassVar[Service | None] = "intake"
    calls_a_human: ClassVar[bool] = True

    escalation: Id
    reason: Literal["danger", "deadline", "retention"]
    answered_by: Id | None = None


class CaseAssigned(Event):
    """A member of the team takes a part in the case; a later one for the same role replaces it."""

    name: ClassVar[str] = "case-assigned"
    owner: ClassVar[Service | None] = "intake"

    role: Literal["case-worker", "lawyer", "accountant"]
    staff: Id


class AccessGranted(Event):
    """Somebody may see the case in a role. ``holder`` is an opaque id; revoking ``access`` is final."""

    name: ClassVar[str] = "access-granted"
    owner: ClassVar[Service | None] = "intake"

    access: Id
    role: Role
    holder: Id
    status: Literal["invited", "accepted", "frozen"] = "accepted"


class AccessRevoked(Event):
    """The access ended, for good: a new invitation has a new id."""

    name: ClassVar[str] = "access-revoked"
    owner: ClassVar[Service | None] = "intake"

    access: Id
    reason: Kind = "revoked"


class IdentityProven(Event):
    """The client's identity was checked by a member of the team."""

    name: ClassVar[str] = "identity-proven"
    owner: ClassVar[Service | None] = "intake"

    means: Literal["identity-document", "electronic-identity", "in-person"]
    proven_by: Id


class CaseClosed(Event):
    name: ClassVar[str] = "case-closed"
    owner: ClassVar[Service | None] = "intake"

    reason: Kind


class ErasurePlanned(Event):
    """The case will be forgotten: each service clears what it holds and says so, or objects."""

    name: ClassVar[str] = "erasure-planned"
    owner: ClassVar[Service | None] = "intake"

    erasure: Id
    requested_by: Literal["person", "retention", "staff"] = "person"


class CaseErased(Event):
    """Every service has cleared and the keys are destroyed; what was sealed is unreadable for ever."""

    name: ClassVar[str] = "case-erased"
    owner: ClassVar[Service | None] = "intake"
    signed_before_fold: ClassVar[bool] = True

    erasure: Id
    certificate: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the signed certificate."""
