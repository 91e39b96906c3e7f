"""The person's page of the procedure, and the documents; the team gets its own page at the same address.

As a part of another page the team sees the procedure without its forms.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.legal import pages_of_team
from services.legal.api import TEMPLATES
from services.legal.domain.holding import RecordView
from services.legal.domain.standing import TEAM
from services.legal.reading import READERS, viewed
from services.legal.shown import approved, procedure
from services.legal.workers import document_name
from shared import clock
from shared.contracts.sealed import DocumentDigest, read_sealed
from shared.errors import NotFound, Refused
from shared.runtime.running import Running
from shared.trust.sealing import Purpose, open_chunks
from shared.web.access import seen
from shared.web.pages import Pages


def routes(running: Running) -> APIRouter:
    """All pages of legal."""
    router = APIRouter()
    pages = Pages(TEMPLATES)
    router.include_router(pages_of_team.routes(running))

    @router.get("/legal/cases/{case}", response_model=None)
    async def page(request: Request, case: str) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        team = state.file.role_of(session.sub) in TEAM
        if team and "hx-request" not in request.headers:
            return await pages_of_team.page(running, pages, request, case, session, state)
        shown = await procedure(running, case, state, clock.paris_day(clock.now()))
        await viewed(running, case, session, state, "diagnosis")
        return pages.render(request, "procedure.html", case=case, shown=shown, team=team)

    @router.get("/legal/cases/{case}/complaints/{complaint}.pdf", response_model=None)
    async def download(request: Request, case: str, complaint: str) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        known = state.complaints.get(complaint)
        if known is None or known.draft is None:
            raise NotFound
        sealed = state.secret(f"draft.{complaint}") or ""
        said = read_sealed(DocumentDigest, await running.reveal(case, "evidence", sealed))
        team = state.file.role_of(session.sub) in TEAM
        if said.for_signature and not approved(known) and not team:
            message = "The lawyer is still reading this version. It can be read here once it is approved."
            raise Refused("not-approved", message, conflict=True)
        name = document_name(case, complaint, known.draft.commitment)
        await running.objects.stat(name)
        identity = await running.keyring.case_identity(case, Purpose.EVIDENCE)
        await running.carry_out(
            RecordView(case=case, viewer=session.sub, role=session.role.value, record="complaint", record_id=complaint)
        )
        return StreamingResponse(
            _pdf(running, name, identity),
            media_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="document-{known.draft.number}.pdf"'},
        )

    return router


async def _pdf(running: Running, name: str, identity: str) -> AsyncIterator[bytes]:
    async for chunk in open_chunks(running.objects.get(name), identity):
        yield chunk
