"""The JSON API of intake under ``/api``: a person's case, invitations, sessions, erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Cookie, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.intake import pages, resuming, team
from services.intake.content import Change, Opening
from services.intake.domain.commands import Freeze, PlanErasure, Revoke
from services.intake.domain.state import Case
from services.intake.domain.view import view
from services.intake.dossier import dossier, erasure, readings
from services.intake.numbers import numbers_for
from services.intake.reception import Invited, Opened, change_case, invite, open_case, set_passphrase
from services.intake.referrals import referrals
from services.intake.sessions import AT_MOST, REFRESH_COOKIE, keep, leave, needs_full, renew, sign_in, sign_in_staff
from services.intake.tools import OPENINGS, Tools, client_of, tools
from services.intake.workers import read_certificate
from shared import clock, ids
from shared.contracts.event import Id
from shared.contracts.sealed import Danger
from shared.errors import NotFound
from shared.runtime.running import Running
from shared.web.access import seen
from shared.web.idempotency import Keep, once

__all__ = ["routes", "tools"]


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Typed = Annotated[str, Field(min_length=1, max_length=80)]
Passphrase = Annotated[str, Field(min_length=1, max_length=1024)]


class SignIn(Asked):
    code: Typed
    passphrase: Passphrase | None = None


class StaffSignIn(Asked):
    name: Typed
    passphrase: Passphrase


class Invitation(Asked):
    role: Literal["victim", "witness", "guardian", "institution"]


class Acceptance(Asked):
    code: Typed


class NewPassphrase(Asked):
    passphrase: Passphrase


class Renewal(Asked):
    """``idle_seconds``: since the person last did something on the page, as far as it saw."""

    idle_seconds: Annotated[int, Field(ge=0, le=int(AT_MOST.total_seconds()))] | None = None


class Nothing(Asked):
    """A body without a field."""


def routes(running: Running) -> APIRouter:
    """All routes of intake: this API, the team's, and the pages."""
    router = APIRouter()
    held: Tools = running.tools
    for part in (_cases(running, held), _people(running), _sessions(running, held), _ending(running)):
        router.include_router(part, prefix="/api")
    router.include_router(team.routes(running), prefix="/api/team")
    router.include_router(resuming.routes(running), prefix="/api")
    router.include_router(pages.routes(running))
    return router


def _cases(running: Running, held: Tools) -> APIRouter:
    router = APIRouter(tags=["cases"])

    @router.post("/cases", status_code=201)
    async def opening(request: Request, body: Opening) -> Response:
        """Open a case. The answer carries its code, once; Idempotency-Key makes a repeat give the same."""

        def respond(opened: Opened) -> Response:
            content = {
                **opened.signed.told(),
                "case": opened.case,
                "code": opened.code,
                **help_for(held, body, opened),
            }
            answer = JSONResponse(content, 201, {"Location": f"/api/cases/{opened.case}"})
            return keep(running, answer, opened.signed)

        async def act(kept: Keep) -> Response:
            held.attempts.count(OPENINGS, client_of(request))
            return await open_case(running, held, body, respond, kept)

        return await once(running, request, None, "account", await request.body(), act)

    @router.get("/cases/{case}")
    async def read(request: Request, case: Id) -> dict[str, Any]:
        """The dossier, cut to what the asking role may see."""
        session, state = await seen(running, request, case)
        return await dossier(running, session, case, state)

    @router.patch("/cases/{case}")
    async def change(request: Request, case: Id, body: Change) -> dict[str, Any]:
        """Tell something anew: each part given replaces that part whole."""
        session, state = await seen(running, request, case)
        needs_full(session)
        return await dossier(running, session, case, await change_case(running, held, session, case, state, body))

    @router.get("/cases/{case}/readings")
    async def read_by(request: Request, case: Id) -> dict[str, Any]:
        """Who read what of the case, the newest first."""
        session, _ = await seen(running, request, case, roles={"victim"})
        needs_full(session)
        return {"readings": await readings(running, case)}

    @router.get("/numbers")
    async def numbers(danger: Annotated[list[Danger] | None, Query(max_length=10)] = None) -> dict[str, Any]:
        """Emergency numbers with their hours, those for the dangers named first."""
        now = clock.now()
        found = numbers_for(held.numbers, danger or (), now)
        return {
            "as_of": held.numbers.as_of.isoformat(),
            "numbers": [
                {**one.model_dump(mode="json", exclude_none=True), "open_now": one.open_at(now)} for one in found
            ],
        }

    return router


def help_for(held: Tools, told: Opening, opened: Opened) -> dict[str, Any]:
    """What helps at once: numbers where there is danger, whether somebody is on call, partners."""
    now = clock.now()
    dangers = told.facts.dangers if told.facts else ()
    ground = told.facts.ground if told.facts else None
    school = bool(told.facts and told.facts.school)
    back = held.roster.next_presence(now)
    return {
        "numbers": [one.model_dump(mode="json", exclude_none=True) for one in numbers_for(held.numbers, dangers, now)]
        if dangers
        else [],
        "somebody_on_call": opened.answered_by is not None if dangers else held.roster.on_call(now) is not None,
        "next_presence": back.isoformat() if back else None,
        "partners": [
            one.model_dump(mode="json", include={"id", "name", "url", "fr", "en"})
            for one in referrals(held.partners, told.facets(), ground, told.persona, school=school)
        ],
    }


def _people(running: Running) -> APIRouter:
    router = APIRouter(tags=["people"])

    @router.post("/cases/{case}/invitations", status_code=201)
    async def inviting(request: Request, case: Id, body: Invitation) -> Response:
        """Invite somebody in a role. The answer carries their code, once: hand it over by a safe way."""
        session, _ = await seen(running, request, case)
        needs_full(session)

        def respond(invited: Invited) -> Response:
            return JSONResponse({"access": invited.access, "role": invited.role, "code": invited.code}, 201)

        async def act(kept: Keep) -> Response:
            return await invite(running, session, case, body.role, respond, kept)

        return await once(running, request, case, "account", await request.body(), act)

    @router.post("/invitations/accept")
    async def accepting(request: Request, body: Acceptance) -> Response:
        """Accept an invitation by its code, and sign in."""
        signed = await sign_in(running, running.tools, request, body.code, None, accept=True)
        return keep(running, JSONResponse(signed.told()), signed)

    @router.delete("/cases/{case}/accesses/{access}", status_code=204)
    async def revoking(request: Request, case: Id, access: Id) -> Response:
        """End somebody's access for good, or one's own."""
        session, state = await seen(running, request, case)
        if state.access_of(session.sub) != access:
            needs_full(session)
        await running.carry_out(Revoke(case=case, by=session.sub, access=access))
        return Response(status_code=204)

    @router.post("/cases/{case}/accesses/{access}/freeze", status_code=204)
    async def freezing(request: Request, case: Id, access: Id) -> Response:
        """Not safe with this person: their access ends at once, and nobody tells them."""
        session, _ = await seen(running, request, case)
        needs_full(session)
        await running.carry_out(Freeze(case=case, by=session.sub, access=access))
        return Response(status_code=204)

    @router.post("/cases/{case}/passphrase")
    async def passphrase(request: Request, case: Id, body: NewPassphrase) -> Response:
        """Set the second secret, or replace it with the session that it gave."""
        session, _ = await seen(running, request, case, roles={"victim", "witness", "guardian", "institution"})
        signed = await set_passphrase(running, session, case, body.passphrase)
        return keep(running, JSONResponse(signed.told()), signed)

    return router


def _sessions(running: Running, held: Tools) -> APIRouter:
    router = APIRouter(tags=["sessions"])

    @router.post("/sessions")
    async def signing_in(request: Request, body: SignIn) -> Response:
        """Sign in by code; with the passphrase for the full scope."""
        signed = await sign_in(running, held, request, body.code, body.passphrase)
        return keep(running, JSONResponse(signed.told()), signed)

    @router.post("/sessions/staff")
    async def staff(request: Request, body: StaffSignIn) -> Response:
        """Sign in as a member of the team."""
        signed = await sign_in_staff(running, held, request, body.name, body.passphrase)
        return keep(running, JSONResponse(signed.told()), signed)

    @router.post("/sessions/renew")
    async def renewing(
        body: Renewal | None = None, refresh: Annotated[str | None, Cookie(alias=REFRESH_COOKIE)] = None
    ) -> Response:
        """Five minutes more, by the refresh cookie. It ends ``closes_in`` seconds from now unless the person acts.

        Without ``idle_seconds`` nobody is taken to have acted: send 0 when a person asked for it.
        """
        idle = body.idle_seconds if body else None
        signed = await renew(running, refresh, None if idle is None else timedelta(seconds=idle))
        return keep(running, JSONResponse(signed.told()), signed)

    @router.delete("/sessions", status_code=204)
    async def leaving() -> Response:
        """Sign out of this browser."""
        return leave(Response(status_code=204))

    return router


def _ending(running: Running) -> APIRouter:
    router = APIRouter(tags=["erasure"])

    @router.post("/cases/{case}/erasure", status_code=202)
    async def planning(request: Request, case: Id, _body: Nothing | None = None) -> Response:
        """Ask that the case be forgotten. Keep the erasure's id: it alone gives the certificate afterwards."""
        session, _ = await seen(running, request, case)
        needs_full(session)
        one = ids.new()
        by = "person" if session.case_id is not None else "staff"

        async def act(kept: Keep) -> Response:
            place = f"/api/cases/{case}/erasures/{one}"
            answer = JSONResponse(
                {"erasure": one, "status": "under-way", "certificate": f"{place}/certificate"},
                202,
                {"Location": place},
            )
            state: Case = await running.load("case", case)
            command = PlanErasure(case=case, by=session.sub, erasure=one, requested_by=by)
            await running.carry_out(command, answer=kept(answer, state.file.recipients["account"]))
            return answer

        return await once(running, request, case, "account", await request.body(), act)

    @router.get("/cases/{case}/erasures/{one}")
    async def standing(request: Request, case: Id, one: Id) -> dict[str, Any]:
        """Where the erasure stands, and what stands against it."""
        session, state = await seen(running, request, case)
        role = state.file.role_of(session.sub)
        sections = view(role, state, holder=session.sub) if role else ()
        if one not in state.file.erasures or ("erasure" not in sections and session.case_id is not None):
            raise NotFound
        return erasure(state, one)

    @router.get("/cases/{case}/erasures/{one}/certificate")
    async def certificate(case: Id, one: Id) -> Response:
        """The signed certificate (compact JWS). After the erasure nobody has an access: the two ids are what it takes.

        It says nothing of a person.
        """
        state: Case = await running.load("case", case)
        found = await read_certificate(running, one) if state.file.erased and one in state.file.erasures else None
        if found is None:
            raise NotFound
        return PlainTextResponse(found, media_type="application/jwt")

    return router
