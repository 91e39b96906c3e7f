"""The team's pages: signing in, the list of cases, taking one, what a member decides on it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from services.intake.domain.commands import AssignStaff, CheckAuthority, CloseCase, ProveIdentity
from services.intake.domain.people import TEAM
from services.intake.domain.state import Case
from services.intake.resuming import back_in, typed_of
from services.intake.sessions import sign_in_staff
from services.intake.team import assignment, listed, members
from services.intake.tools import Tools, TooManyAttempts
from shared.contracts.event import Id
from shared.errors import NotFound, Refused
from shared.runtime.running import Running
from shared.trust.sessions import Role, Session, SessionExpired
from shared.web.access import SignInFirst, member, seen


def routes(running: Running) -> APIRouter:
    """The team's pages, under ``/team``."""
    router = APIRouter()
    held: Tools = running.tools

    def form(request: Request, problem: str = "", typed: str = "") -> Response:
        status = 422 if problem else 200
        return held.pages.render(request, "team_enter.html", status=status, problem=problem, typed=typed, lost=False)

    @router.get("/team/enter")
    async def enter(request: Request) -> Response:
        return form(request)

    @router.post("/team/enter")
    async def entering(request: Request) -> Response:
        typed = await typed_of(request)
        sent = await request.form()
        name, passphrase = (str(sent.get(one, ""))[:1024] for one in ("name", "passphrase"))
        try:
            signed = await sign_in_staff(running, held, request, name, passphrase)
        except TooManyAttempts as problem:
            return form(request, problem.code, typed)
        except (NotFound, Refused):
            return form(request, "wrong-code", typed)
        return await back_in(running, request, signed, typed, "/team")

    @router.get("/team")
    async def cases(request: Request, after: Annotated[Id | None, Query()] = None) -> Response:
        try:
            session = member(request)
        except SessionExpired:
            return RedirectResponse("/api/sessions/renew?next=/team", 303)
        except SignInFirst:
            return RedirectResponse("/team/enter", 303)
        page = await listed(running, after, 50)
        for one in page["cases"]:
            one["earliest_limit"] = date.fromisoformat(one["earliest_limit"]) if one["earliest_limit"] else None
        return held.pages.render(request, "team.html", **page, after_page=page["next"], me=session.sub)

    @router.post("/team/cases/{case}/take")
    async def take(request: Request, case: Id) -> Response:
        session = member(request)
        await running.carry_out(AssignStaff(case=case, by=session.sub, role=session.role.value, staff=session.sub))
        return RedirectResponse(f"/cases/{case}", 303)

    async def assigning(request: Request, case: str, session: Session, problem: str = "") -> Response:
        state: Case = await running.load("case", case)
        if state.file.facets.value is None or state.file.erased:
            raise NotFound
        everybody = await members(running)
        if session.role is Role.ACCOUNTANT:
            everybody = {Role.ACCOUNTANT.value: [session.sub]}
        return held.pages.render(
            request,
            "assign.html",
            status=409 if problem else 200,
            case=case,
            problem=problem,
            members={role: names for role, names in everybody.items() if names},
            assigned={role: latest.value for role, latest in sorted(state.file.assigned.items())},
            closed=state.file.closed,
            mine=state.file.role_of(session.sub) is not None,
            me=session.sub,
        )

    @router.get("/team/cases/{case}/assign")
    async def whom(request: Request, case: Id) -> Response:
        return await assigning(request, case, member(request))

    @router.post("/team/cases/{case}/assign")
    async def assign(request: Request, case: Id) -> Response:
        session = member(request)
        name = str((await request.form()).get("staff", ""))[:80]
        try:
            done = await running.carry_out(await assignment(running, session, case, name))
        except Refused as refused:
            return await assigning(request, case, session, refused.code)
        # Who gave their own part away sees the case no more.
        still = done.state.file.role_of(session.sub) is not None
        return RedirectResponse(f"/cases/{case}" if still else "/team", 303)

    async def decided(request: Request, case: Id, command: type[Any], **told: Any) -> Response:
        session, _ = await seen(running, request, case, roles=TEAM)
        try:
            await running.carry_out(command(case=case, by=session.sub, **told))
        except ValidationError:
            raise Refused("invalid-field", "Choose one of the list, then send it again.") from None
        return RedirectResponse(f"/cases/{case}", 303)

    @router.post("/team/cases/{case}/identity")
    async def identity(request: Request, case: Id) -> Response:
        return await decided(request, case, ProveIdentity, means=(await request.form()).get("means"))

    @router.post("/team/cases/{case}/authority/{access}")
    async def authority(request: Request, case: Id, access: Id) -> Response:
        return await decided(request, case, CheckAuthority, access=access)

    @router.post("/team/cases/{case}/close")
    async def closing(request: Request, case: Id) -> Response:
        return await decided(request, case, CloseCase, reason=(await request.form()).get("reason"))

    return router
