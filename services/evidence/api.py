"""The routes of evidence: deposit, list, take away, withdraw; a JSON API and the pages of the person's space."""

from __future__ import annotations

import asyncio
import dataclasses
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from services.evidence.declaring import declared
from services.evidence.depositing import Deposited, Depositor, deposit
from services.evidence.domain.case import CaseState, RecordView
from services.evidence.domain.exhibit import DEPOSITORS, ExhibitState, RegisterUpload, Withdraw, open_to_uploads
from services.evidence.domain.grading import SHOULD_SHOW
from services.evidence.form import read_form
from services.evidence.names import disposition, given_back
from services.evidence.reading import READERS, Opened, Shown, given, opened, reader_of, role_in, shown
from services.evidence.receiving import FRAMING_BYTES, Reception
from shared.contracts.event import Id
from shared.errors import NotFound, Refused, Unavailable
from shared.runtime.running import Running
from shared.web.access import seen
from shared.web.bodies import TooLarge, streamed
from shared.web.idempotency import Keep, once
from shared.web.pages import Pages

DECLARATION: Final = "Recours-Exhibit"
TOKEN_TYPE: Final = "application/timestamp-reply"  # noqa: S105 - a media type
LET_BY_BYTES: Final = 64 * 1024 * 1024
LET_BY_SECONDS: Final = 20
TOLD: Final = frozenset(
    {
        "may-show-a-minor",
        "ask-first",
        "no-file",
        "empty-file",
        "too-large",
        "program",
        "cut-off",
        "too-slow",
        "case-closed",
        "erasure-planned",
        "too-many-exhibits",
        "unavailable",
    }
)
"""The refusals that the page tells in words of their own; the others share a sentence."""

_HERE: Final = Path(__file__).parent


class Exhibits(BaseModel):
    """The exhibits that the reader may see, oldest first."""

    exhibits: list[Shown]


def routes(running: Running) -> APIRouter:
    """All routes of the service under ``/evidence``."""
    router = APIRouter()
    pages = Pages(_HERE / "templates")
    reception: Reception = running.tools

    @router.post(
        "/evidence/api/cases/{case}/exhibits",
        status_code=HTTPStatus.CREATED,
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def upload(
        request: Request, case: Id, declaration: Annotated[str | None, Header(alias=DECLARATION)] = None
    ) -> Response:
        """Deposit the file that is the whole body. The header ``Recours-Exhibit`` declares it, in JSON.

        ``may_show_minor_sexually`` (false) and ``kind`` are required; ``shows``, ``day``, ``hour``, ``author``,
        ``address``, ``note``, ``name`` are welcome. With an Idempotency-Key, a repeat gets the first answer.
        """
        who = await _depositor(running, request, case)
        raw = (declaration or "{}").encode("latin-1", "replace")
        said = declared(raw)
        announced = _length(request)

        async def act(keep: Keep) -> Response:
            kept: list[Response] = []

            async def register(command: RegisterUpload, told: Deposited) -> None:
                response = JSONResponse(
                    dataclasses.asdict(told),
                    HTTPStatus.CREATED,
                    {"Location": f"/evidence/api/cases/{case}/exhibits/{told.exhibit}/original"},
                )
                await running.carry_out(command, answer=keep(response, who.recipient))
                kept.append(response)

            file = streamed(request, reception.limits.max_bytes)
            await deposit(running, who, said, file, register, announced=announced)
            return kept[0]

        body = b"%d\n%s" % (announced or 0, raw)
        return await once(running, request, case, "evidence", body, act, waits=False)

    @router.get("/evidence/api/cases/{case}/exhibits")
    async def exhibits(request: Request, case: Id) -> Exhibits:
        """The exhibits that the caller may see: what they are, how complete, whether timestamped."""
        session, state = await seen(running, request, case, roles=READERS)
        return Exhibits(exhibits=await shown(running, case, session.sub, role_in(state, session.sub)))

    @router.get("/evidence/api/cases/{case}/exhibits/{exhibit}/original", response_class=StreamingResponse)
    async def original(request: Request, case: Id, exhibit: Id) -> Response:
        """The file as it was deposited, always as an attachment. The person sees in their ledger who took it."""
        one, view = await _one(running, request, case, exhibit)
        name = given_back(one.details.name, one.received.media_type, exhibit)
        return StreamingResponse(
            await given(running, case, exhibit, view),
            media_type=_harmless(one.received.media_type),
            headers={"Content-Disposition": disposition(name), "Content-Length": str(one.received.size)},
        )

    @router.get("/evidence/api/cases/{case}/exhibits/{exhibit}/token", response_class=StreamingResponse)
    async def token(request: Request, case: Id, exhibit: Id) -> Response:
        """The timestamp (DER TimeStampResp): ``openssl ts -verify -in TOKEN -data FILE -CAfile CHAIN``."""
        one, view = await _one(running, request, case, exhibit)
        if one.stamp is None:
            raise NotFound("This exhibit has no timestamp yet: it is asked for, come back later.")
        name = given_back(one.details.name, one.received.media_type, exhibit)
        return StreamingResponse(
            await given(running, case, one.stamp.token, view),
            media_type=TOKEN_TYPE,
            headers={"Content-Disposition": disposition(f"{name}.tsr")},
        )

    @router.post("/evidence/api/cases/{case}/exhibits/{exhibit}/withdrawal", status_code=HTTPStatus.NO_CONTENT)
    async def withdraw(request: Request, case: Id, exhibit: Id) -> Response:
        """Take an exhibit back, for good: its depositor or the victim may. A repeat changes nothing."""
        await _withdrawn(running, request, case, exhibit)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.get("/evidence/cases/{case}", include_in_schema=False)
    async def page(request: Request, case: Id) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        return await _page(running, pages, request, case, session.sub, state)

    @router.post("/evidence/cases/{case}/exhibits", include_in_schema=False)
    async def upload_form(request: Request, case: Id) -> Response:
        who = await _depositor(running, request, case)
        try:
            body = streamed(request, reception.limits.max_bytes + FRAMING_BYTES)
            form = await read_form(request.headers.get("content-type", ""), body)
            said = declared({**_single(form.fields), "name": form.file_name})
            await deposit(running, who, said, form.file, lambda command, _: running.carry_out(command))
        except (Refused, Unavailable) as error:
            await _let_by(request)
            return await _page(running, pages, request, case, who.holder, who.state, problem=error)
        return RedirectResponse(f"/evidence/cases/{case}", HTTPStatus.SEE_OTHER)

    @router.post("/evidence/cases/{case}/exhibits/{exhibit}/withdrawal", include_in_schema=False)
    async def withdraw_form(request: Request, case: Id, exhibit: Id) -> Response:
        await _withdrawn(running, request, case, exhibit)
        return RedirectResponse(f"/evidence/cases/{case}", HTTPStatus.SEE_OTHER)

    return router


async def _let_by(request: Request) -> None:
    """Let the rest of a refused form go by, kept nowhere: a browser cut off while sending would not show our words."""
    gone_by = 0
    try:
        async with asyncio.timeout(LET_BY_SECONDS):
            async for chunk in request.stream():
                gone_by += len(chunk)
                if gone_by > LET_BY_BYTES:
                    return
    except (TimeoutError, ClientDisconnect, TooLarge, RuntimeError):
        # RuntimeError: it was read to its end already.
        return


async def _depositor(running: Running, request: Request, case: str) -> Depositor:
    session, state = await seen(running, request, case, roles=DEPOSITORS)
    open_to_uploads(state)
    return Depositor(case, session.sub, role_in(state, session.sub), state)


async def _one(running: Running, request: Request, case: str, exhibit: str) -> tuple[Opened, RecordView]:
    session, state = await seen(running, request, case, roles=READERS)
    role = role_in(state, session.sub)
    one = await opened(running, case, exhibit, session.sub, role)
    return one, RecordView(case=case, viewer=session.sub, role=role, exhibit=exhibit)


async def _withdrawn(running: Running, request: Request, case: str, exhibit: str) -> None:
    session, state = await seen(running, request, case, roles=READERS)
    role = role_in(state, session.sub)
    known: ExhibitState = await running.load("exhibit", exhibit)
    if known.withdrawn and known.received and known.received.case == case:
        return
    one = await opened(running, case, exhibit, session.sub, role)
    deposited = one.details.holder == session.sub
    await running.carry_out(Withdraw(case=case, exhibit=exhibit, role=role, deposited=deposited))


async def _page(
    running: Running,
    pages: Pages,
    request: Request,
    case: str,
    holder: str,
    state: CaseState,
    problem: Refused | Unavailable | None = None,
) -> Response:
    role = role_in(state, holder)
    found = await shown(running, case, holder, role) if role in READERS else []
    try:
        open_to_uploads(state)
        closed = None
    except (Refused, Unavailable) as refusal:
        closed = refusal.code
    status = HTTPStatus.OK
    if problem is not None:
        unavailable = isinstance(problem, Unavailable)
        status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.UNPROCESSABLE_ENTITY
    return pages.render(
        request,
        "exhibits.html",
        status=status,
        case=case,
        reader=reader_of(role),
        exhibits=found,
        again=[one for one in found if one.missing and not one.refused],
        may_withdraw={one.exhibit for one in found if one.mine or role == "victim"},
        kinds=tuple(SHOULD_SHOW),
        aspects=("date", "hour", "author", "content", "address"),
        problem=problem.code if problem else None,
        closed=closed,
        told=TOLD,
    )


def _single(fields: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """The fields of a form, of which ``shows`` alone may stand several times (the last one wins elsewhere)."""
    return {name: list(values) if name == "shows" else values[-1] for name, values in fields.items()}


def _length(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isdecimal() and len(value) < 16 else None


def _harmless(media_type: str) -> str:
    # What a browser could run is given back as bytes; the name's extension still says what it is.
    return "application/octet-stream" if media_type in {"text/html", "image/svg+xml"} else media_type
