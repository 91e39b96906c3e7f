"""What may be asked of a case. Ids and secrets were drawn at the edge, content is sealed; ``by`` is who asks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Id, Kind, Sealed
from shared.contracts.intake import Facets, PurposeName, Role
from shared.runtime.declaration import Command

BlindIndex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""HMAC-SHA-256 (hex) of a code's locator: the id of the access that the code opens."""


class OfCase(Command):
    aggregate: ClassVar[str] = "case"


class OpenCase(OfCase):
    """``facets.urgency`` is computed here, whatever it says. ``escalation``: drawn for the case of danger."""

    facets: Facets
    anonymous: bool
    danger: bool
    holder: Id
    locator: BlindIndex
    recipients: dict[PurposeName, str]
    escalation: Id
    answered_by: Id | None = None
    sealed_contact: Sealed | None = None
    sealed_account: Sealed
    sealed_facts: Sealed | None = None
    sealed_authors: Sealed | None = None


class UpdateCase(OfCase):
    """Whole new values of what changed. ``danger`` tells a danger that was not told before."""

    by: Id
    facets: Facets | None = None
    danger: bool = False
    escalation: Id
    answered_by: Id | None = None
    sealed_contact: Sealed | None = None
    sealed_facts: Sealed | None = None
    sealed_authors: Sealed | None = None


class ChangeAccount(OfCase):
    """New hashes of a holder's secrets. ``account_seen``: the state's ``account_at`` that they were made from."""

    by: Id
    sealed_account: Sealed
    account_seen: int


class Invite(OfCase):
    by: Id
    access: BlindIndex
    role: Literal["victim", "witness", "guardian", "institution"]
    holder: Id
    sealed_account: Sealed
    account_seen: int


class AcceptInvitation(OfCase):
    """The invitation's secret was checked at the edge."""

    access: BlindIndex
    holder: Id


class Revoke(OfCase):
    by: Id
    access: Id
    reason: Kind = "revoked"


class Freeze(OfCase):
    """Not safe with this person: the access ends at once and nobody is told."""

    by: Id
    access: Id


class CheckAuthority(OfCase):
    """A member of the team has checked that this person holds parental authority."""

    by: Id
    access: Id


class AssignStaff(OfCase):
    """The edge has checked that ``by`` and ``staff`` are of the team and that ``staff`` has that role."""

    by: Id
    role: Literal["case-worker", "lawyer", "accountant"]
    staff: Id


class ProveIdentity(OfCase):
    by: Id
    means: Literal["identity-document", "electronic-identity", "in-person"]


class CloseCase(OfCase):
    by: Id
    reason: Literal["solved", "withdrawn", "not-eligible", "referred", "judged", "duplicate", "unreachable"]


class PlanErasure(OfCase):
    by: Id
    erasure: Id
    requested_by: Literal["person", "retention", "staff"] = "person"


class KeysDestroyed(OfCase):
    """The keys are gone, looked for and not found; ``certificate`` is the SHA-256 (hex) of the signed certificate."""

    erasure: Id
    certificate: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DestructionFailed(OfCase):
    """The keys could not be destroyed after every attempt: a human has to look."""

    erasure: Id


class RecordView(Command):
    """Somebody of the team, or another holder, read something of the case."""

    aggregate: ClassVar[str] = "ledger"

    viewer: Id
    role: Role
    record: Literal["dossier", "contact"]
    record_id: Id | None = None
