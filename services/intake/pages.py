"""The pages of intake: the start, guidance, opening, coming back, the dossier. They do what the API does."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from services.intake import pages_of_case, pages_of_team
from services.intake.domain.triage import ACT_KINDS
from services.intake.forms import opening_of
from services.intake.guides import ArticleName
from services.intake.numbers import numbers_for
from services.intake.reception import Opened, open_case
from services.intake.referrals import referrals
from services.intake.resuming import back_in, typed_of
from services.intake.sessions import WrongCode, keep, leave, sign_in
from services.intake.tools import OPENINGS, Tools, TooManyAttempts, client_of, presence
from shared import clock, ids
from shared.contracts.intake import Persona
from shared.errors import Refused
from shared.runtime.running import Running
from shared.web.idempotency import Keep, once

GROUNDS = (
    "origin",
    "religion",
    "antisemitism",
    "sexual-orientation",
    "gender-identity",
    "sex",
    "disability",
    "elected-office",
    "other",
)
LABELS = {
    "persona": "who_are_you",
    "minor": "is_minor",
    "contact": "email",
    "authors": "authors",
    "passphrase": "passphrase",
    "facts.urls": "urls",
    "facts.ground": "ground",
    "facts.dangers": "dangers",
    "facts": "account",
    "acts.0.kind": "kind",
    "acts.0.day": "day",
}
"""Which text of the form names a field of the request; the longest prefix counts."""

DANGERS = ("suicide", "threat", "leaked-address", "sextortion", "child")


def routes(running: Running) -> APIRouter:
    """Every page of intake."""
    router = APIRouter(include_in_schema=False)
    for part in (_reading(running), _opening(running), _entering(running)):
        router.include_router(part)
    router.include_router(pages_of_case.routes(running))
    router.include_router(pages_of_team.routes(running))
    return router


def _reading(running: Running) -> APIRouter:
    router = APIRouter()
    held: Tools = running.tools

    @router.get("/")
    async def start(request: Request) -> Response:
        return held.pages.render(
            request, "start.html", **presence(held), guides=held.guides, next_step=("/open", held.text(request, "open"))
        )

    @router.get("/guidance/{persona}")
    async def guidance(request: Request, persona: Persona) -> Response:
        return held.pages.render(
            request,
            "guide.html",
            **presence(held),
            guide=held.guides.personas[persona],
            partners=referrals(held.partners, None, None, persona),
            next_step=(f"/open?persona={persona}", held.text(request, "open")),
        )

    @router.get("/articles/{article}")
    async def article(request: Request, article: ArticleName) -> Response:
        return held.pages.render(
            request,
            "guide.html",
            **presence(held),
            guide=held.guides.articles[article],
            partners=(),
            next_step=("/open", held.text(request, "open")),
        )

    return router


def _opening(running: Running) -> APIRouter:
    router = APIRouter()
    held: Tools = running.tools

    def form(request: Request, *, told: FormData | None = None, problem: Refused | None = None) -> Response:
        return held.pages.render(
            request,
            "open.html",
            status=422 if problem else 200,
            **presence(held),
            kinds=ACT_KINDS,
            grounds=GROUNDS,
            dangers=DANGERS,
            told=told or {"persona": request.query_params.get("persona", "victim")},
            chosen=told.getlist("danger") if told else (),
            problem=problem,
            at=_label(problem.field) if problem and problem.field else "",
            once=ids.new(),
        )

    @router.get("/open")
    async def blank(request: Request) -> Response:
        return form(request)

    @router.post("/open")
    async def filled(request: Request) -> Response:
        # Kept by the request, so that its form can be read from it as well.
        body = await request.body()
        sent = await request.form()
        try:
            opening = opening_of(sent)

            def respond(opened: Opened) -> Response:
                dangers = opening.facts.dangers if opening.facts else ()
                ground = opening.facts.ground if opening.facts else None
                school = bool(opening.facts and opening.facts.school)
                context = presence(held)
                if dangers:
                    context |= {"numbers": numbers_for(held.numbers, dangers, clock.now()), "first_few": None}
                page = held.pages.render(
                    request,
                    "opened.html",
                    status=201,
                    **context,
                    dangers=dangers,
                    opened=opened,
                    partners=referrals(held.partners, opening.facets(), ground, opening.persona, school=school),
                    next_step=(f"/cases/{opened.case}", held.text(request, "see_case")),
                )
                return keep(running, page, opened.signed)

            async def act(kept: Keep) -> Response:
                held.attempts.count(OPENINGS, client_of(request))
                return await open_case(running, held, opening, respond, kept)

            return await once(running, request, None, "account", body, act, key=str(sent.get("once", "")) or None)
        except Refused as refused:
            return form(request, told=sent, problem=refused)

    return router


def _entering(running: Running) -> APIRouter:
    router = APIRouter()
    held: Tools = running.tools

    def form(request: Request, name: str, problem: str = "", typed: str = "") -> Response:
        return held.pages.render(
            request,
            "enter.html",
            status=422 if problem else 200,
            **presence(held),
            joining=name == "join",
            problem=problem,
            typed=typed,
            lost=False,
        )

    async def entered(request: Request, name: str) -> Response:
        typed = await typed_of(request)
        sent = await request.form()
        code, passphrase = (str(sent.get(one, ""))[:1024] for one in ("code", "passphrase"))
        try:
            signed = await sign_in(running, held, request, code, passphrase or None, accept=name == "join")
            return await back_in(running, request, signed, typed, f"/cases/{quote(signed.case or '')}")
        except (Refused, WrongCode, TooManyAttempts) as problem:
            return form(request, name, problem.code, typed)

    @router.get("/enter")
    async def enter(request: Request) -> Response:
        return form(request, "enter")

    @router.post("/enter")
    async def entering(request: Request) -> Response:
        return await entered(request, "enter")

    @router.get("/join")
    async def join(request: Request) -> Response:
        return form(request, "join")

    @router.post("/join")
    async def joining(request: Request) -> Response:
        return await entered(request, "join")

    @router.post("/leave")
    async def leaving() -> Response:
        return leave(RedirectResponse("/", 303))

    return router


def _label(field: str) -> str:
    found = [name for name in LABELS if field == name or field.startswith(f"{name}.")]
    return LABELS[max(found, key=len)] if found else ""
