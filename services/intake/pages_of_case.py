"""The dossier's page and what can be done on it without JavaScript."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from services.intake.content import Change
from services.intake.domain.commands import Freeze, PlanErasure, Revoke
from services.intake.domain.people import MAY_INVITE, OPENER_MAY_INVITE, TEAM
from services.intake.domain.state import Case
from services.intake.dossier import dossier, readings
from services.intake.numbers import numbers_for
from services.intake.reception import Invited, change_case, invite, set_passphrase
from services.intake.sessions import keep, needs_full
from services.intake.tools import Tools, presence
from shared import ids
from shared.contracts.event import Id
from shared.contracts.sealed import Facts, read_sealed
from shared.errors import Refused
from shared.runtime.running import Running
from shared.trust.sessions import Session, SessionExpired
from shared.web.access import SignInFirst, seen
from shared.web.language import language_of
from shared.web.pages import show_day

ELSEWHERE: Final = {
    "evidence": "/evidence/cases/{case}",
    "diagnosis": "/legal/cases/{case}",
    "money": "/billing/cases/{case}",
    "notifications": "/notify/cases/{case}",
}
"""Sections that another service renders; ``diagnosis`` and ``complaint`` are one page of legal."""

NEXT_AT: Final = {
    "add-evidence": "/evidence/cases/{case}",
    "add-own-evidence": "/evidence/cases/{case}",
    "wait-authority": "/evidence/cases/{case}",
    "read-diagnosis": "/legal/cases/{case}",
    "hearing": "/legal/cases/{case}",
    "wait-approval": "/legal/cases/{case}",
    "wait-filing": "/legal/cases/{case}",
    "wait-answer": "/legal/cases/{case}",
    "answered": "/legal/cases/{case}",
    "judged": "/legal/cases/{case}",
    "invite-victim": "#invite",
    "team-diagnose": "/legal/cases/{case}",
    "team-follow": "/legal/cases/{case}",
    "team-wait-takeover": "#invite",
    "team-prove-identity": "#identity",
}
"""Where each next step is done; the others are told on the dossier itself."""


def routes(running: Running) -> APIRouter:
    """The dossier and its forms."""
    router = APIRouter()
    held: Tools = running.tools

    async def page(request: Request, case: str, session: Session, state: Case, **more: Any) -> Response:
        told = await dossier(running, session, case, state)
        step = told["next_step"]
        place = NEXT_AT.get(step["code"], "#next").format(case=case)
        locked = session.case_id is not None and "full" not in session.scope
        label = held.text(request, f"step_{step['code']}")
        if "day" in step:
            label = f"{label} ({show_day(date.fromisoformat(step['day']), language_of(request))})"
        limit = told.get("earliest_limit")
        context: dict[str, Any] = {"problem": "", "invited": None, "status": 200, **more}
        return held.pages.render(
            request,
            "dossier.html",
            **context,
            told=told,
            case=case,
            locked=locked,
            own=session.case_id is not None,
            elsewhere={name: at.format(case=case) for name, at in ELSEWHERE.items() if name in told["sections"]},
            readings=await _read(running, case) if "ledger" in told["sections"] and not locked else (),
            danger=state.danger,
            deciding=told["role"] in TEAM and not told["closed"],
            **_numbers(held, told),
            roles=sorted(MAY_INVITE.get(told["role"], OPENER_MAY_INVITE)),
            steps=[(date.fromisoformat(one["day"]), one["what"]) for one in told.get("timeline", ())],
            limit=date.fromisoformat(limit) if limit else None,
            next_step=(place, label),
        )

    async def doing(request: Request, case: str, act: Callable[[Session, Case], Awaitable[Response]]) -> Response:
        """Carry out a form, and show the dossier with what was refused."""
        session, state = await seen(running, request, case)
        try:
            return await act(session, state)
        except Refused as refused:
            return await page(request, case, session, state, problem=refused.code, status=409)

    @router.get("/cases/{case}")
    async def shown(request: Request, case: Id) -> Response:
        try:
            session, state = await seen(running, request, case)
        except (SessionExpired, SignInFirst):
            # The five minutes may be over while the refresh cookie, which only /api/sessions gets, is still good.
            return RedirectResponse(f"/api/sessions/renew?next={quote(f'/cases/{case}')}", 303)
        return await page(request, case, session, state)

    @router.post("/cases/{case}/passphrase")
    async def passphrase(request: Request, case: Id) -> Response:
        async def act(session: Session, _state: Case) -> Response:
            form = await request.form()
            signed = await set_passphrase(running, session, case, str(form.get("passphrase", "")))
            return keep(running, _back(case), signed)

        return await doing(request, case, act)

    @router.post("/cases/{case}/facts")
    async def facts(request: Request, case: Id) -> Response:
        async def act(session: Session, state: Case) -> Response:
            needs_full(session)
            form = await request.form()
            known = Facts()
            if "facts" in state.sealed:
                known = read_sealed(Facts, await running.reveal(case, "evidence", state.sealed["facts"]))
            account = str(form.get("account", ""))
            if len(account) > 12_000:
                raise Refused("too-long", "Shorten the account, and add the rest as a document.", field="account")
            told = Facts.model_validate({**known.content(), "account": account})
            await change_case(running, held, session, case, state, Change(facts=told))
            return _back(case)

        return await doing(request, case, act)

    @router.post("/cases/{case}/invitations")
    async def invitation(request: Request, case: Id) -> Response:
        async def act(session: Session, _state: Case) -> Response:
            needs_full(session)
            form = await request.form()
            role = form.get("role")
            if role not in {"victim", "witness", "guardian", "institution"}:
                raise Refused("role-not-yours", "Choose a role from the list.", field="role")
            made: list[Invited] = []

            def respond(invited: Invited) -> Response:
                made.append(invited)
                return Response()

            await invite(running, session, case, role, respond, lambda *_, **__: None)  # type: ignore[arg-type]
            after: Case = await running.load("case", case)
            return await page(request, case, session, after, invited=made[-1])

        return await doing(request, case, act)

    @router.post("/cases/{case}/accesses/{access}/revoke")
    async def revoke(request: Request, case: Id, access: Id) -> Response:
        async def act(session: Session, state: Case) -> Response:
            if state.access_of(session.sub) != access:
                needs_full(session)
            await running.carry_out(Revoke(case=case, by=session.sub, access=access))
            return _back(case)

        return await doing(request, case, act)

    @router.post("/cases/{case}/accesses/{access}/freeze")
    async def freeze(request: Request, case: Id, access: Id) -> Response:
        async def act(session: Session, _state: Case) -> Response:
            needs_full(session)
            await running.carry_out(Freeze(case=case, by=session.sub, access=access))
            return _back(case)

        return await doing(request, case, act)

    @router.post("/cases/{case}/erasure")
    async def erasure(request: Request, case: Id) -> Response:
        async def act(session: Session, _state: Case) -> Response:
            needs_full(session)
            form = await request.form()
            if form.get("sure") != "yes":
                raise Refused("not-sure", "Tick the box to say that you are sure.", field="sure")
            one = ids.new()
            await running.carry_out(PlanErasure(case=case, by=session.sub, erasure=one))
            at = f"/api/cases/{case}/erasures/{one}/certificate"
            away = ("/", held.text(request, "to_start"))
            return held.pages.render(request, "erasing.html", status=202, certificate=at, next_step=away)

        return await doing(request, case, act)

    return router


async def _read(running: Running, case: str) -> list[tuple[datetime, str, str]]:
    return [(datetime.fromisoformat(one["at"]), one["role"], one["record"]) for one in await readings(running, case)]


def _numbers(held: Tools, told: dict[str, Any]) -> dict[str, Any]:
    """The numbers for the dangers that were told, as far as this page may know them."""
    shown = presence(held)
    if dangers := told.get("facts", {}).get("dangers", ()):
        shown["numbers"] = numbers_for(held.numbers, dangers, shown["now"])
    return shown


def _back(case: str) -> RedirectResponse:
    return RedirectResponse(f"/cases/{case}", 303)
