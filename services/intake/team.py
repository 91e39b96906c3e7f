"""The team's JSON API: the list of cases, taking a case, checks of identity and authority, closing."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from services.intake.domain.commands import AssignStaff, CheckAuthority, CloseCase, ProveIdentity
from services.intake.domain.state import Case
from services.intake.domain.view import next_step
from shared import clock
from shared.contracts.event import Id
from shared.errors import NotFound, Refused
from shared.runtime.running import Running
from shared.trust.sessions import OF_THE_TEAM, Role, Session
from shared.web.access import member, seen

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_URGENCY = ("critical", "high", "normal")


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Assignment(Asked):
    """``staff``: whom; by default whoever asks."""

    role: Literal["case-worker", "lawyer", "accountant"]
    staff: Id | None = None


class Identity(Asked):
    means: Literal["identity-document", "electronic-identity", "in-person"]


class Closing(Asked):
    reason: Literal["solved", "withdrawn", "not-eligible", "referred", "judged", "duplicate", "unreachable"]


async def listed(running: Running, after: str | None, limit: int) -> dict[str, Any]:
    """A page of cases, the most urgent first within it; nothing sealed is opened. ``next``: where to go on."""
    page = await running.cases("case", after=after, limit=limit)
    now = clock.now()
    rows = [_row(case, state, now) for case, state in page if state.file.opened and not state.file.erased]
    rows.sort(key=lambda row: (row["closed"], _URGENCY.index(row["urgency"])))
    return {"cases": rows, "next": page[-1][0] if len(page) == limit else None}


def routes(running: Running) -> APIRouter:
    """What the team may do, under ``/api/team``."""
    router = APIRouter(tags=["team"])

    @router.get("/cases")
    async def cases(
        request: Request,
        after: Annotated[Id | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """Cases a page at a time, without anything sealed."""
        member(request)
        return await listed(running, after, limit)

    @router.post("/cases/{case}/assign")
    async def assigning(request: Request, case: Id, body: Assignment) -> dict[str, Any]:
        """Give a part of the case to a member who has that role."""
        session = member(request)
        command = await assignment(running, session, case, body.staff or session.sub, body.role)
        return await _after(running, command)

    @router.post("/cases/{case}/identity")
    async def identity(request: Request, case: Id, body: Identity) -> dict[str, Any]:
        """Say that the client's identity was checked, and by which means."""
        session, _ = await seen(running, request, case, roles={"case-worker", "lawyer"})
        return await _after(running, ProveIdentity(case=case, by=session.sub, means=body.means))

    @router.post("/cases/{case}/authority/{access}")
    async def authority(request: Request, case: Id, access: Id) -> dict[str, Any]:
        """Say that this person's parental authority was checked: only now are they a guardian on the case."""
        session, _ = await seen(running, request, case, roles={"case-worker", "lawyer"})
        return await _after(running, CheckAuthority(case=case, by=session.sub, access=access))

    @router.post("/cases/{case}/close")
    async def closing(request: Request, case: Id, body: Closing) -> dict[str, Any]:
        """Close the case, with the reason."""
        session, _ = await seen(running, request, case, roles={"case-worker", "lawyer"})
        return await _after(running, CloseCase(case=case, by=session.sub, reason=body.reason))

    return router


async def assignment(running: Running, session: Session, case: str, name: str, role: str | None = None) -> AssignStaff:
    """The command that gives the case to the member ``name``, in ``role`` or in theirs.

    Raises NotFound for an accountant who gives it to somebody else, Refused (``not-of-the-team``) for a wrong name.
    """
    if session.role is Role.ACCOUNTANT and name != session.sub:
        raise NotFound
    staff = await running.keyring.staff_member(name) if _NAME.fullmatch(name) else None
    if staff is None or staff.role.value not in OF_THE_TEAM or (role is not None and staff.role.value != role):
        message = "Nobody of that name has that role in the team. Check the name, or ask an admin."
        raise Refused("not-of-the-team", message, field="staff")
    return AssignStaff(case=case, by=session.sub, role=staff.role.value, staff=staff.name)


async def members(running: Running) -> dict[str, list[str]]:
    """The names of who may be given a case, by role."""
    found: dict[str, list[str]] = {role.value: [] for role in (Role.CASE_WORKER, Role.LAWYER, Role.ACCOUNTANT)}
    for name in await running.keyring.staff():
        one = await running.keyring.staff_member(name)
        if one is not None and one.role.value in found:
            found[one.role.value].append(name)
    return found


async def _after(running: Running, command: AssignStaff | ProveIdentity | CheckAuthority | CloseCase) -> dict[str, Any]:
    done = await running.carry_out(command)
    return _row(command.case, done.state, clock.now())


def _row(case: str, state: Case, now: Any) -> dict[str, Any]:
    facets = state.file.facets.value
    limits = state.limits.value
    return {
        "case": case,
        "urgency": state.urgency,
        "danger": state.danger,
        "persona": facets.persona if facets else None,
        "minor": facets.minor if facets else None,
        "acts": len(facets.acts) if facets else 0,
        "taken_over": state.taken_over,
        "identity_proven": state.file.identity_proven,
        "closed": state.file.closed,
        "assigned": {role: latest.value for role, latest in sorted(state.file.assigned.items())},
        "earliest_limit": limits.earliest.isoformat() if limits and limits.earliest else None,
        "next_step": next_step("case-worker", state, now).code,
    }
