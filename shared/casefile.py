"""What every service knows of a case from intake's facts: who may see it, its keys, whether it is closed or erased.

Each service folds it into its own aggregate, so that access is decided from the service's own store.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from shared.contracts.event import Event
from shared.contracts.intake import (
    AccessGranted,
    AccessRevoked,
    CaseAssigned,
    CaseClosed,
    CaseErased,
    CaseEscalated,
    CaseOpened,
    CaseUpdated,
    ErasurePlanned,
    Facets,
    IdentityProven,
    PurposeName,
    Role,
)
from shared.runtime.declaration import Recorded
from shared.runtime.latest import Latest

CASE_EVENTS: tuple[type[Event], ...] = (
    CaseOpened,
    CaseUpdated,
    CaseEscalated,
    CaseAssigned,
    AccessGranted,
    AccessRevoked,
    IdentityProven,
    CaseClosed,
    ErasurePlanned,
    CaseErased,
)
"""All that intake's case aggregate publishes: whoever follows them all sees its sequence without a gap."""

STAFF: frozenset[Role] = frozenset({"case-worker", "lawyer", "accountant"})


class Access(BaseModel):
    """One person's access: ``holder`` is the opaque id that a session carries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    holder: str
    status: Literal["invited", "accepted", "frozen"]


class Erasure(BaseModel):
    """An erasure that was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    requested_by: Literal["person", "retention", "staff"]


class CaseFile(BaseModel):
    """The fold of intake's case events, in whatever order they arrive.

    ``upto`` is the length of the gap-free run of intake's sequence that was seen; ``ahead`` what came beyond it.
    ``erased`` absorbs: afterwards recipients, accesses and assignments are dropped, even of facts that come later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    upto: int = 0
    ahead: frozenset[int] = frozenset()
    opened: bool = False
    anonymous: bool = False
    recipients: dict[PurposeName, str] = {}
    facets: Latest[Facets] = Latest[Facets]()
    accesses: dict[str, Latest[Access]] = {}
    revoked: frozenset[str] = frozenset()
    assigned: dict[str, Latest[str]] = {}
    identity_proven: bool = False
    closed: bool = False
    erasures: dict[str, Erasure] = {}
    erased: bool = False

    def fold(self, fact: Recorded) -> Self:
        """The case file with one more fact; facts of others leave it as it is."""
        if not isinstance(fact.event, CASE_EVENTS):
            return self
        file = self.model_copy(update={**self._counted(fact.sequence), **self._changed(fact)})
        if not file.erased:
            return file
        return file.model_copy(update={"recipients": {}, "accesses": {}, "assigned": {}})

    def _counted(self, sequence: int) -> dict[str, Any]:
        if sequence <= self.upto or sequence in self.ahead:
            return {}
        upto, ahead = self.upto, self.ahead | {sequence}
        while upto + 1 in ahead:
            upto += 1
            ahead -= {upto}
        return {"upto": upto, "ahead": ahead}

    def _changed(self, fact: Recorded) -> dict[str, Any]:
        """The fields that the fact gives another value."""
        match fact.event:
            case CaseOpened() as event:
                return {
                    "opened": True,
                    "anonymous": event.anonymous,
                    "recipients": dict(event.recipients),
                    "facets": self.facets.offer(fact.sequence, event.facets),
                }
            case CaseUpdated(facets=facets):
                return {"facets": self.facets.offer(fact.sequence, facets)}
            case AccessGranted() as event:
                access = Access(role=event.role, holder=event.holder, status=event.status)
                known = self.accesses.get(event.access, Latest[Access]())
                return {"accesses": {**self.accesses, event.access: known.offer(fact.sequence, access)}}
            case AccessRevoked(access=access_id):
                return {"revoked": self.revoked | {access_id}}
            case CaseAssigned(role=role, staff=staff):
                taken = self.assigned.get(role, Latest[str]()).offer(fact.sequence, staff)
                return {"assigned": {**self.assigned, role: taken}}
            case IdentityProven():
                return {"identity_proven": True}
            case CaseClosed():
                return {"closed": True}
            case ErasurePlanned() as event:
                erasure = Erasure(id=event.erasure, requested_by=event.requested_by)
                return {"erasures": {**self.erasures, event.erasure: erasure}}
            case CaseErased():
                return {"erased": True}
            case _:
                return {}

    def role_of(self, holder: str) -> Role | None:
        """The role in which a person or a member of the team may see the case now; None: not at all."""
        for access_id, latest in sorted(self.accesses.items()):
            access = latest.value
            if access and access.holder == holder and access.status == "accepted" and access_id not in self.revoked:
                return access.role
        for role, taken in sorted(self.assigned.items()):
            if taken.value == holder:
                return role  # type: ignore[return-value]
        return None
