"""The JSON API of legal: commands of the team, the procedure as it stands, authors, partners' notices.

Everybody sees assigned or granted cases only. The team acts; the victim and a guardian read. What somebody else than
the victim reads is written to the person's ledger before it is shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.legal.asked import complaint as of_complaint
from services.legal.asked import hearing as of_hearing
from services.legal.asked import requests as of_requests
from services.legal.asked.place import Asked, Place
from services.legal.domain.diagnosis import proposal
from services.legal.domain.standing import TEAM
from services.legal.domain.state import Complaint
from services.legal.drafting import being_typeset
from services.legal.naming import named
from services.legal.particulars import Particulars, Sources, listed, usable
from services.legal.reading import READERS, viewed
from services.legal.shown import approved, opened, procedure
from shared import clock
from shared.contracts.intake import Role
from shared.contracts.sealed import Identity
from shared.errors import NotFound, Refused
from shared.runtime.declaration import Command
from shared.runtime.running import Running
from shared.web.access import seen
from shared.web.bodies import whole
from shared.web.idempotency import Keep, once

LAWYER: Final[frozenset[Role]] = frozenset({"lawyer"})
TEMPLATES: Final = Path(__file__).with_name("templates")
_API: Final = "/legal/api/cases/{case}"
_Body = TypeVar("_Body", bound=BaseModel)

COMMANDS: Final[tuple[tuple[str, type[Asked], frozenset[Role]], ...]] = (
    ("/diagnoses", of_complaint.DiagnosisAsked, LAWYER),
    ("/complaints", of_complaint.DraftAsked, TEAM),
    ("/complaints/{complaint}/drafts", of_complaint.DraftAsked, TEAM),
    ("/complaints/{complaint}/approval", of_complaint.ApprovalAsked, LAWYER),
    ("/complaints/{complaint}/filing", of_complaint.FilingAsked, TEAM),
    ("/complaints/{complaint}/answers", of_complaint.AnswerAsked, TEAM),
    ("/hearings", of_hearing.HearingAsked, TEAM),
    ("/hearings/{hearing}/move", of_hearing.MoveAsked, TEAM),
    ("/hearings/{hearing}/end", of_hearing.EndAsked, TEAM),
    ("/judgments", of_hearing.JudgmentAsked, LAWYER),
    ("/removals", of_requests.RemovalAsked, TEAM),
    ("/removals/{removal}/answers", of_requests.RemovalAnswerAsked, TEAM),
    ("/preservations", of_requests.PreservationAsked, TEAM),
    ("/identifications", of_requests.IdentificationAsked, TEAM),
    ("/identifications/{identification}/author", of_requests.IdentityAsked, LAWYER),
)
"""Path, body and who may: each POST is one command."""

_NAMED: Final = (
    "diagnosis",
    "answer_id",
    "removal",
    "preservation",
    "identification",
    "judgment",
    "hearing",
    "complaint",
    "draft",
)
"""The fields of a command that its answer gives back: what was drawn here."""


class Confirmation(BaseModel):
    """Which waiting message is right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: Annotated[str, Field(min_length=1, max_length=200)]


def routes(running: Running) -> APIRouter:
    """The API of legal."""
    router = APIRouter()
    for path, body, roles in COMMANDS:
        _add_command(router, running, path, body, roles)
    _add_readings(router, running)
    _add_notices(router, running)
    _add_documents(router, running)
    return router


def _add_command(router: APIRouter, running: Running, path: str, model: type[Asked], roles: frozenset[Role]) -> None:
    async def endpoint(request: Request) -> Response:
        case = _name(request, "case")
        raw = await whole(request)
        session, state = await seen(running, request, case, roles=roles)
        body = read(model, raw)
        names = {name: _name(request, name) for name in request.path_params}

        async def act(keep: Keep) -> Response:
            command = body.command(Place(case, names, session.sub, state))
            response = JSONResponse(_told(command), 202 if model is of_complaint.DraftAsked else 201)
            recipient = state.file.recipients.get("evidence")
            if recipient is None:
                raise NotFound
            await running.carry_out(command, answer=keep(response, recipient))
            return response

        return await once(running, request, case, "evidence", raw, act)

    router.add_api_route(
        _API + path,
        endpoint,
        methods=["POST"],
        status_code=202 if model is of_complaint.DraftAsked else 201,
        name=path.strip("/").replace("/", " ").replace("{", "").replace("}", ""),
        description=model.__doc__,
        response_model=None,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": model.model_json_schema()}},
            }
        },
    )


def _add_readings(router: APIRouter, running: Running) -> None:
    @router.get(_API, response_model=None)
    async def whole_procedure(request: Request, case: str) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        shown = await procedure(running, case, state, clock.paris_day(clock.now()))
        await viewed(running, case, session, state, "diagnosis")
        return JSONResponse(shown.model_dump(mode="json"))

    @router.get(f"{_API}/proposal", response_model=None)
    async def proposed(request: Request, case: str) -> Response:
        session, state = await seen(running, request, case, roles=TEAM)
        found = proposal(state, clock.paris_day(clock.now()))
        await viewed(running, case, session, state, "diagnosis")
        return JSONResponse(found.model_dump(mode="json"))

    @router.get(f"{_API}/exhibits", response_model=None)
    async def numbered(request: Request, case: str) -> Response:
        """The exhibits that a draft may list, by the numbers that it gives them unless told otherwise: no content."""
        _, state = await seen(running, request, case, roles=TEAM)
        there = usable(state, await running.children("folder", case))
        order = listed(Particulars(), state, Sources(exhibits=there))
        return JSONResponse(
            [
                {"number": number, "exhibit": one, **there[one].model_dump(mode="json", exclude={"sealed"})}
                for number, one in enumerate(order, 1)
            ]
        )

    @router.get(f"{_API}/authors/{{identification}}", response_model=None)
    async def author(request: Request, case: str, identification: str) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        if identification not in state.identified:
            raise NotFound
        if not state.file.identity_proven:
            message = "Your identity has to be checked before an author's is shown. Ask the team for an appointment."
            raise Refused("identity-not-proven", message, conflict=True)
        known = await opened(Identity, running, case, state, f"author.{identification}", "authors")
        await viewed(running, case, session, state, "dossier", identification)
        return JSONResponse({"identification": identification, **(known.content() if known else {})})


def _add_notices(router: APIRouter, running: Running) -> None:
    @router.get(f"{_API}/notices", response_model=None)
    async def waiting(request: Request, case: str) -> Response:
        await seen(running, request, case, roles=TEAM)
        found = await running.outside.unconfirmed(case)
        return JSONResponse(
            [
                {"message": name, "content": one.model_dump(mode="json", exclude={"sealed_details"})}
                for name, one in found
            ]
        )

    @router.post(f"{_API}/notices/confirmation", response_model=None, status_code=204)
    async def confirm(request: Request, case: str, body: Confirmation) -> Response:
        await seen(running, request, case, roles=TEAM)
        await running.outside.confirm(body.message, case)
        return Response(status_code=204)


def _add_documents(router: APIRouter, running: Running) -> None:
    @router.get(f"{_API}/complaints/{{complaint}}", response_model=None)
    async def drafting(request: Request, case: str, complaint: str) -> Response:
        """Where a draft stands: ``typesetting`` while its job waits or runs."""
        _, state = await seen(running, request, case, roles=TEAM)
        named(complaint)
        known = state.complaints.get(complaint, Complaint())
        last = known.draft.number if known.draft else 0
        pending = await being_typeset(running, case, complaint, last + 1)
        if not pending:  # it may have been recorded since the state was read
            known = (await running.load("case", case)).complaints.get(complaint, Complaint())
            last = known.draft.number if known.draft else 0
        if not last and not pending:
            raise NotFound
        return JSONResponse(
            {
                "complaint": complaint,
                "draft": last,
                "commitment": known.draft.commitment if known.draft else None,
                "approved": approved(known),
                "filed": known.filed is not None,
                "typesetting": pending,
            }
        )


def read(model: type[_Body], raw: bytes) -> _Body:
    """The body as its model. Raises RequestValidationError, which echoes nothing."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None


def _told(command: Command) -> dict[str, Any]:
    return {name: getattr(command, name) for name in _NAMED if name in type(command).model_fields}


def _name(request: Request, parameter: str) -> str:
    return named(str(request.path_params[parameter]))
