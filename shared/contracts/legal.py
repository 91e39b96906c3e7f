"""Events of legal: limits, diagnosis, complaint, hearings, judgment, requests about content and authors."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Commitment, Event, Id, Kind, Sealed, Service, Value
from shared.money import Money

Procedure = Literal["simple", "civil-party", "direct-summons", "civil"]
DataClass = Literal["identity", "account", "technical"]
RuleIds = Annotated[tuple[Kind, ...], Field(max_length=50)]


class Limit(Value):
    """The last day (Europe/Paris, inclusive) on which an act can still be pursued, by the rules named.

    ``qualification`` of None: the earliest possible press-law limit, before any qualification.
    """

    act: Id
    qualification: Kind | None = None
    last_day: date
    rules: RuleIds
    confidence: Literal["sourced", "general", "disputed"]


class LimitationComputed(Event):
    """The limits of every act known so far; a later one replaces it whole."""

    name: ClassVar[str] = "limitation-computed"
    owner: ClassVar[Service | None] = "legal"

    limits: Annotated[tuple[Limit, ...], Field(max_length=600)]
    earliest: date | None = None


class DeadlineThreatened(Event):
    """A lawyer is needed before ``last_day`` (Europe/Paris, inclusive)."""

    name: ClassVar[str] = "deadline-threatened"
    owner: ClassVar[Service | None] = "legal"
    calls_a_human: ClassVar[bool] = True

    deadline: Id
    kind: Literal["press-limit", "limitation", "data-retention", "hearing", "no-answer"]
    act: Id | None = None
    last_day: date


class HoldPlaced(Event):
    """Erasure may not proceed while this hold stands."""

    name: ClassVar[str] = "hold-placed"
    owner: ClassVar[Service | None] = "legal"

    hold: Id
    reason: Kind
    until: date | None = None


class HoldLifted(Event):
    name: ClassVar[str] = "hold-lifted"
    owner: ClassVar[Service | None] = "legal"

    hold: Id


class Feasibility(Value):
    """What identification can hope for, per class of data."""

    data: DataClass
    verdict: Literal["possible", "doubtful", "not-lawful", "expired"]
    until: date | None = None
    rules: RuleIds = ()


class Candidate(Value):
    """An offence that the facts may be, to be confirmed by a lawyer. ``prison_months``: the maximum incurred."""

    offence: Kind
    prison_months: Annotated[int, Field(ge=0)]
    rules: RuleIds = ()


class CaseDiagnosed(Event):
    """The free diagnosis as approved by a lawyer; a later one replaces it."""

    name: ClassVar[str] = "case-diagnosed"
    owner: ClassVar[Service | None] = "legal"

    diagnosis: Id
    eligible: bool
    reasons: tuple[Kind, ...] = ()
    offences: Annotated[tuple[Candidate, ...], Field(max_length=30)]
    limits: Annotated[tuple[Limit, ...], Field(max_length=600)]
    feasibility: Annotated[tuple[Feasibility, ...], Field(max_length=100)]
    solidity: Literal["A", "B", "C", "D"]
    options: tuple[Literal["tell-school", "removal", "formal-letter", "complaint", "wait", "partner"], ...]
    approved_by: Id
    sealed_advice: Sealed | None = None


class ComplaintDrafted(Event):
    """A draft was typeset; its digest is committed, salt and digest sealed (purpose evidence)."""

    name: ClassVar[str] = "complaint-drafted"
    owner: ClassVar[Service | None] = "legal"

    complaint: Id
    draft: Annotated[int, Field(ge=1)]
    procedure: Procedure
    commitment: Commitment
    sealed_digest: Sealed
    exhibits: Annotated[tuple[Id, ...], Field(max_length=1000)]


class ComplaintApproved(Event):
    """A lawyer approved exactly the draft that ``commitment`` names."""

    name: ClassVar[str] = "complaint-approved"
    owner: ClassVar[Service | None] = "legal"
    signed_before_fold: ClassVar[bool] = True

    complaint: Id
    draft: Annotated[int, Field(ge=1)]
    procedure: Procedure
    commitment: Commitment
    approved_by: Id
    deadline: date | None = None
    """The last day on which filing it still saves an act, where one is near: no money step may delay it."""


class ComplaintFiled(Event):
    """The complaint was handed over. ``sealed_receipt`` (purpose evidence): place, receipt number."""

    name: ClassVar[str] = "complaint-filed"
    owner: ClassVar[Service | None] = "legal"

    complaint: Id
    draft: Annotated[int, Field(ge=1)]
    procedure: Procedure
    mode: Literal["registered-letter", "electronic", "police-station", "court-registry", "bailiff"]
    day: date
    sealed_receipt: Sealed


class ComplaintAnswered(Event):
    name: ClassVar[str] = "complaint-answered"
    owner: ClassVar[Service | None] = "legal"

    answer_id: Id
    complaint: Id
    answer: Literal["registered", "refused", "closed", "prosecuted"]
    day: date


class RemovalRequested(Event):
    """Removal was asked for one URL (sealed, purpose evidence)."""

    name: ClassVar[str] = "removal-requested"
    owner: ClassVar[Service | None] = "legal"

    removal: Id
    step: Literal["platform-notice", "internal-complaint", "out-of-court", "regulator", "trusted-flagger", "court"]
    day: date
    sealed_target: Sealed


class RemovalAnswered(Event):
    name: ClassVar[str] = "removal-answered"
    owner: ClassVar[Service | None] = "legal"

    answer_id: Id
    removal: Id
    answer: Literal["acknowledged", "removed", "refused", "silence"]
    day: date


class PreservationRequested(Event):
    """A platform was asked to keep data; a private request binds nobody. ``expires``: when the law lets it go."""

    name: ClassVar[str] = "preservation-requested"
    owner: ClassVar[Service | None] = "legal"

    preservation: Id
    data: DataClass
    day: date
    expires: date
    sealed_target: Sealed


class PreservationAnswered(Event):
    """What a platform answered to a preservation request; ``until``: how long it says that it keeps the data."""

    name: ClassVar[str] = "preservation-answered"
    owner: ClassVar[Service | None] = "legal"

    answer_id: Id
    preservation: Id
    answer: Literal["acknowledged", "refused"]
    day: date
    until: date | None = None


class IdentificationRequested(Event):
    """An authority was asked to identify an author (sealed, purpose authors)."""

    name: ClassVar[str] = "identification-requested"
    owner: ClassVar[Service | None] = "legal"

    identification: Id
    author: Id
    authority: Literal["police", "prosecutor", "judge", "civil-judge"]
    data: DataClass
    day: date
    sealed_target: Sealed | None = None


class AuthorIdentified(Event):
    """An author's identity is known; it is sealed (purpose authors)."""

    name: ClassVar[str] = "author-identified"
    owner: ClassVar[Service | None] = "legal"

    identification: Id
    author: Id
    day: date
    sealed_identity: Sealed


class HearingScheduled(Event):
    """A hearing's whole present state; a later one for the same hearing replaces it.

    ``sealed_details`` (purpose contact): hour (Europe/Paris), court, room, docket number.
    """

    name: ClassVar[str] = "hearing-scheduled"
    owner: ClassVar[Service | None] = "legal"

    hearing: Id
    kind: Literal["trial", "guilt", "sanction", "civil-interests", "appeal", "civil", "investigation"]
    status: Literal["scheduled", "moved", "cancelled", "held"]
    day: date
    revision: Annotated[int, Field(ge=0)] = 0
    notice: Literal["lawful", "too-soon", "not-applicable"]
    rules: RuleIds = ()
    sealed_details: Sealed | None = None


class JudgmentGiven(Event):
    """``costs``: awarded to the person for the costs of the case; damages are sealed (purpose contact)."""

    name: ClassVar[str] = "judgment-given"
    owner: ClassVar[Service | None] = "legal"

    judgment: Id
    hearing: Id
    outcome: Literal["convicted", "acquitted", "dismissed", "partly-convicted"]
    day: date
    costs: Money
    sealed_damages: Sealed | None = None
