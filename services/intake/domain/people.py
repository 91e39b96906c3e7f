"""Who may do what on a case: invite, accept, leave, freeze, assign, prove."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from services.intake.domain.commands import (
    AcceptInvitation,
    AssignStaff,
    CheckAuthority,
    Freeze,
    Invite,
    ProveIdentity,
    Revoke,
)
from services.intake.domain.state import Case
from shared.casefile import STAFF, Access
from shared.contracts.event import Event
from shared.contracts.intake import (
    AccessGranted,
    AccessRevoked,
    CaseAssigned,
    CaseUpdated,
    Facets,
    IdentityProven,
    Role,
)
from shared.errors import NotFound, Refused

MOST_ACCESSES = 60
TEAM: frozenset[Role] = frozenset({"case-worker", "lawyer"})

MAY_INVITE: dict[Role, frozenset[Role]] = {
    "victim": frozenset({"witness", "guardian", "institution"}),
    "guardian": frozenset({"victim", "witness", "institution"}),
    "case-worker": frozenset({"victim", "witness", "guardian", "institution"}),
    "lawyer": frozenset({"victim", "witness", "guardian", "institution"}),
}
OPENER_MAY_INVITE: frozenset[Role] = frozenset({"victim", "guardian"})
"""Whoever opened the case for another may ask the other, or the guardian, to take it over; nobody else."""


def usable(state: Case, *, closed: bool = False) -> Facets:
    """The facets of a case that may be changed.

    Raises NotFound before the opening and after the erasure, and Refused on a closed case unless it may be.
    """
    facets = state.file.facets.value
    if facets is None or state.file.erased:
        raise NotFound
    if state.file.closed and not closed:
        raise Refused("case-closed", "This case is closed. Write to the team to open another.", conflict=True)
    return facets


def is_opener(state: Case, holder: str) -> bool:
    """Whether this holder opened the case, and nobody has taken it over."""
    return not state.taken_over and state.access_of(holder) == state.opener


def asking(state: Case, holder: str, roles: Collection[Role], *, opener: bool = False) -> Role:
    """The role in which ``holder`` asks. Raises NotFound when it is none of ``roles``: absent and forbidden are alike.

    ``opener``: who opened the case may too, as long as nobody has taken it over.
    """
    role = state.file.role_of(holder)
    if role is None or (role not in roles and not (opener and is_opener(state, holder))):
        raise NotFound
    return role


def invite(state: Case, command: Invite) -> Iterator[Event]:
    facets = usable(state)
    role = asking(state, command.by, MAY_INVITE.keys(), opener=True)
    if command.access in state.file.accesses:
        return
    allowed = MAY_INVITE.get(role, OPENER_MAY_INVITE)
    if command.role not in allowed:
        raise Refused("role-not-yours", f"You may invite: {', '.join(sorted(allowed))}.", field="role")
    if command.role == "victim" and _holds(state, "victim"):
        raise Refused("victim-is-here", "The person concerned already has this case.", field="role", conflict=True)
    if len(state.file.accesses) >= MOST_ACCESSES:
        raise Refused("too-many-people", "This case has had too many people. Ask the team.", conflict=True)
    yield account_written(state, facets, command.sealed_account, command.account_seen)
    yield AccessGranted(access=command.access, role=command.role, holder=command.holder, status="invited")


def account_written(state: Case, facets: Facets, sealed_account: str, seen: int) -> CaseUpdated:
    """The event that replaces the account's sealed hashes. Raises Refused when they changed since they were read."""
    if seen != state.account_at:
        raise Refused("changed-meanwhile", "Something else changed at the same moment. Try again.", conflict=True)
    return CaseUpdated(facets=facets, sealed_account=sealed_account)


def accept(state: Case, command: AcceptInvitation) -> Iterator[Event]:
    usable(state)
    access = _access(state, command.access)
    if access.holder != command.holder or access.status == "frozen":
        raise NotFound
    if access.status == "accepted":
        return
    if access.role == "victim" and _holds(state, "victim"):
        raise Refused("victim-is-here", "The person concerned already has this case.", conflict=True)
    role: Role = "witness" if access.role == "guardian" else access.role
    yield AccessGranted(access=command.access, role=role, holder=access.holder)


def revoke(state: Case, command: Revoke) -> Iterator[Event]:
    usable(state, closed=True)
    role = asking(state, command.by, {"victim", "guardian", "witness", "institution", *TEAM})
    if command.access in state.file.revoked:
        return
    access = _access(state, command.access)
    own = access.holder == command.by
    if own and role == "victim":
        raise Refused("last-one", "You keep your own access. To leave for good, ask for erasure.", field="access")
    if not own and role not in {"victim", *TEAM}:
        raise NotFound
    yield AccessRevoked(access=command.access, reason="left" if own else command.reason)


def freeze(state: Case, command: Freeze) -> Iterator[Event]:
    usable(state, closed=True)
    asking(state, command.by, {"victim", *TEAM})
    access = _access(state, command.access)
    if access.holder == command.by:
        raise Refused("not-yourself", "This is your own access.", field="access")
    if access.status != "frozen":
        yield AccessGranted(access=command.access, role=access.role, holder=access.holder, status="frozen")


def check_authority(state: Case, command: CheckAuthority) -> Iterator[Event]:
    usable(state)
    asking(state, command.by, TEAM)
    access = _access(state, command.access)
    if command.access not in state.guardians or access.status != "accepted":
        raise Refused("no-guardian", "This person has not come as a guardian. Invite them as one.", field="access")
    if access.role != "guardian":
        yield AccessGranted(access=command.access, role="guardian", holder=access.holder)


def assign(state: Case, command: AssignStaff) -> Iterator[Event]:
    usable(state)
    if state.access_of(command.staff) is not None:
        raise Refused("two-sides", "This member already has another part in the case.", field="staff", conflict=True)
    taken = state.file.assigned.get(command.role)
    if taken is None or taken.value != command.staff:
        yield CaseAssigned(role=command.role, staff=command.staff)


def prove_identity(state: Case, command: ProveIdentity) -> Iterator[Event]:
    usable(state)
    asking(state, command.by, TEAM)
    if not state.taken_over:
        message = "Nobody has taken this case over yet. Invite the person concerned, or check the guardian's authority."
        raise Refused("not-taken-over", message, conflict=True)
    if not state.file.identity_proven:
        yield IdentityProven(means=command.means, proven_by=command.by)


def _access(state: Case, access: str) -> Access:
    latest = state.file.accesses.get(access)
    if latest is None or latest.value is None or access in state.file.revoked or latest.value.role in STAFF:
        raise NotFound
    return latest.value


def _holds(state: Case, role: Role) -> bool:
    return any(
        latest.value is not None
        and latest.value.role == role
        and latest.value.status == "accepted"
        and access not in state.file.revoked
        for access, latest in state.file.accesses.items()
    )
