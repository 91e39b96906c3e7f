"""What every service knows of a case from intake's facts: who may see it, its keys, whether it is closed or erased.

Each service folds it into its own aggregate, so that access is decided from the service's own store.
"""

from __future__ import annotations

from typing import Literal, Self

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
    recipients: dict[PurposeName, str] = {}  # noqa: RUF012 - pydantic copies defaults
    facets: Latest[Facets] = Latest[Facets]()
    accesses: dict[str, Latest[Access]] = {}  # noqa: RUF012
    revoked: frozenset[str] = frozenset()
    assigned: dict[str, Latest[str]] = {}  # noqa: RUF012
    identity_proven: bool = False
    closed: bool = False
    erasures: dict[str, Erasure] = {}  # noqa: RUF012
    erased: bool = False

    def fold(self, fact: Recorded) -> Self:
        """The case file with one more fact; facts of others leave it as it is."""
        if not isinstance(fact.event, CASE_EVENTS):
            return self
        file = self._counted(fact.sequence)._with(fact)
        if not file.erased:
            return file
        dropped: dict[str, object] = {"recipients": {}, "accesses": {}, "assigned": {}}
        return file.model_copy(update=dropped)

    def _counted(self, sequence: int) -> Self:
        if sequence <= self.upto or sequence in self.ahead:
            return self
        upto, ahead = self.upto, self.ahead | {sequence}
        while upto + 1 in ahead:
            upto += 1
            ahead -= {upto}
        return self.model_copy(update={"upto": upto, "ahead": ahead})

    def _with(self, fact: Recorded) -> Self:
        match fact.event:
            case CaseOpened() as event:
                return self.model_copy(
                    update={
                        "opened": True,
                        "anonymous": event.anonymous,
                        "recipients": dict(event.recipients),
                        "facets": self.facets.offer(fact.sequence, event.facets),
                    }
                )
            case CaseUpdated(facets=facets):
                return self.model_copy(update={"facets": self.facets.offer(fact.sequence, facets)})
            case AccessGranted() as event:
                access = Access(role=event.role, holder=event.holder, status=event.status)
                known = self.accesses.get(event.access, Latest[Access]())
                offered = known.offer(fact.sequence, access)
                return self.model_copy(update={"accesses": {**self.accesses, event.access: offered}})
            case AccessRevoked(access=access_id):
                return self.model_copy(update={"revoked": self.revoked | {access_id}})
            case CaseAssigned(role=role, staff=staff):
                taken = self.assigned.get(role, Latest[str]()).offer(fact.sequence, staff)
                return self.model_copy(update={"assigned": {**self.assigned, role: taken}})
            case IdentityProven():
                return self.model_copy(update={"identity_proven": True})
            case CaseClosed():
                return self.model_copy(update={"closed": True})
            case ErasurePlanned() as event:
                erasure = Erasure(id=event.erasure, requested_by=event.requested_by)
                return self.model_copy(update={"erasures": {**self.erasures, event.erasure: erasure}})
            case CaseErased():
                return self.model_copy(update={"erased": True})
            case _:
                return self

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
