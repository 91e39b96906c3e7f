"""The team's pages: the cases of who looks, and one case with every form of its procedure.

They do what the API does, through the same bodies. A form that is refused comes back as it was typed, with what is
wrong beside the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.legal.api import LAWYER, TEMPLATES
from services.legal.asked import complaint, hearing, requests
from services.legal.asked.place import Asked, Place
from services.legal.citing import cited
from services.legal.domain.hearing_notice import NoticeCheck
from services.legal.domain.hearings import checked
from services.legal.domain.standing import TEAM
from services.legal.domain.state import Case
from services.legal.forms import ANYWAY, ONCE, Tried, body_of, faults, refusal, typed_in
from services.legal.naming import named
from services.legal.reading import viewed
from services.legal.rules.vocabulary import ActKind, Area, ComplaintFact
from services.legal.shown_to_team import Line, line, typesetting, work
from shared import clock, ids
from shared.contracts.event import Id
from shared.contracts.intake import Role
from shared.errors import NotFound, Refused
from shared.runtime.running import Running
from shared.trust.sessions import Session, SessionExpired
from shared.web.access import SignInFirst, member, seen
from shared.web.bodies import whole
from shared.web.idempotency import Keep, once
from shared.web.pages import Pages, read_texts
from shared.web.problems import status_of

HERE: Final = "/legal/cases/{case}/team"
LIST: Final = "/legal/team"
PAGE_OF_CASES: Final = 200
MOST_PAGES: Final = 10
MOST_LISTED: Final = 50
_AT: Final = {
    "diagnose": "diagnosis",
    "draft": "draft",
    "next-way": "draft",
    "approve": "approval",
    "file": "filing",
    "wait-answer": "answer",
    "say-if-held": "end",
    "judge": "judgment",
}
"""Which form does what comes next."""

_ACT_KINDS: Final = frozenset(one.value for one in ActKind)
TEXTS: Final = frozenset(read_texts(TEMPLATES / "texts.toml")["fr"])


@dataclass(frozen=True, slots=True)
class Form:
    """A form: the path that it is sent to, whose last parameter is what it is about, its body, and who may."""

    name: str
    path: str
    asked: type[Asked]
    roles: frozenset[Role] = TEAM


FORMS: Final = (
    Form("diagnosis", "/diagnoses", complaint.DiagnosisAsked, LAWYER),
    Form("draft", "/complaints", complaint.DraftAsked),
    Form("draft", "/complaints/{complaint}/drafts", complaint.DraftAsked),
    Form("approval", "/complaints/{complaint}/approval", complaint.ApprovalAsked, LAWYER),
    Form("filing", "/complaints/{complaint}/filing", complaint.FilingAsked),
    Form("answer", "/complaints/{complaint}/answers", complaint.AnswerAsked),
    Form("hearing", "/hearings", hearing.HearingAsked),
    Form("move", "/hearings/{hearing}/move", hearing.MoveAsked),
    Form("end", "/hearings/{hearing}/end", hearing.EndAsked),
    Form("judgment", "/judgments", hearing.JudgmentAsked, LAWYER),
    Form("removal", "/removals", requests.RemovalAsked),
    Form("removal_answer", "/removals/{removal}/answers", requests.RemovalAnswerAsked),
    Form("preservation", "/preservations", requests.PreservationAsked),
    Form("identification", "/identifications", requests.IdentificationAsked),
    Form("identity", "/identifications/{identification}/author", requests.IdentityAsked, LAWYER),
)


def routes(running: Running) -> APIRouter:
    """The list and the pages of a case, under ``/legal``."""
    router = APIRouter(include_in_schema=False)
    pages = Pages(TEMPLATES)

    @router.get(LIST)
    async def cases(request: Request, after: Annotated[Id | None, Query()] = None) -> Response:
        try:
            session = member(request)
        except SessionExpired:
            return RedirectResponse(f"/api/sessions/renew?next={LIST}", 303)
        except SignInFirst:
            return RedirectResponse("/team/enter", 303)
        found, further = await assigned(running, session, after)
        return pages.render(request, "team.html", home="/team", cases=found, further=further)

    @router.get(HERE)
    async def of_the_case(request: Request, case: str) -> Response:
        session, state = await seen(running, request, case, roles=TEAM)
        return await page(running, pages, request, case, session, state)

    @router.get(HERE + "/drafting/{asked}")
    async def drafting(request: Request, case: str, asked: str) -> Response:
        """How a draft stands and no more: asking every other second is no reading of the case."""
        _, state = await seen(running, request, case, roles=TEAM)
        stands = await typesetting(running, case, state, asked)
        return pages.render(request, "drafting.html", case=case, asked=asked, drafting=stands)

    for form in FORMS:
        _add(router, running, pages, form)

    @router.post(HERE + "/notices")
    async def confirm(request: Request, case: str) -> Response:
        await seen(running, request, case, roles=TEAM)
        await running.outside.confirm(str((await request.form()).get("message", ""))[:200], case)
        return RedirectResponse(HERE.format(case=case), 303)

    return router


async def assigned(running: Running, session: Session, after: str | None) -> tuple[list[Line], str | None]:
    """The cases of who looks, those with the nearest last day first; and after which key to go on looking."""
    today = clock.paris_day(clock.now())
    found: list[Line] = []
    for _ in range(MOST_PAGES):
        some = await running.cases("case", after=after, limit=PAGE_OF_CASES)
        found += [
            line(case, state, today)
            for case, state in some
            if state.file.opened and not state.file.erased and state.file.role_of(session.sub) in TEAM
        ]
        after = some[-1][0] if len(some) == PAGE_OF_CASES else None
        if after is None or len(found) >= MOST_LISTED:
            break
    found.sort(key=lambda one: (one.step.code in {"closed", "judged"}, one.nearest is None, one.nearest or today))
    return found, after


async def page(
    running: Running,
    pages: Pages,
    request: Request,
    case: str,
    session: Session,
    state: Case,
    tried: Tried | None = None,
    status: int = 200,
) -> Response:
    """The case as the team works on it; the person's ledger is written first. Raises KeysDestroyed, Unavailable."""
    role = state.file.role_of(session.sub)
    if role is None:
        raise NotFound
    today = clock.paris_day(clock.now())
    asked = request.query_params.get("drafting", "")
    found = await work(running, case, state, role, today, asked)
    await viewed(running, case, session, state, "diagnosis")
    tried = tried or Tried()
    notice = tried.notice
    return pages.render(
        request,
        "team_case.html",
        status=status,
        case=case,
        base=HERE.format(case=case),
        work=found,
        shown=found.procedure,
        team=True,
        tried=tried,
        problem=_problem(tried),
        notice=notice,
        notice_cited=cited((one.rule for one in notice.grounds.rules), today) if notice else (),
        labels=[f"f_{name.replace('.', '_')}" for name in tried.wrong if f"f_{name.replace('.', '_')}" in TEXTS],
        once=ids.new,
        facts=[one.value for one in ComplaintFact if one is not ComplaintFact.MINOR_AUTHOR],
        areas=[one.value for one in Area],
        today=today,
        at=_AT,
        act_kinds=_ACT_KINDS,
        asked=asked,
    )


def _add(router: APIRouter, running: Running, pages: Pages, form: Form) -> None:
    async def sent(request: Request) -> Response:
        names = {name: named(str(value)) for name, value in request.path_params.items()}
        case, about = names.pop("case"), next(iter(names.values()), "")
        raw = await whole(request)
        session, state = await seen(running, request, case, roles=form.roles)
        typed = typed_in(await request.form())

        async def act(keep: Keep) -> Response:
            command = body.command(Place(case, names, session.sub, state))
            recipient = state.file.recipients.get("evidence")
            if recipient is None:
                raise NotFound
            asked = f"?drafting={command.complaint}.{command.draft}" if form.name == "draft" else ""  # type: ignore[attr-defined]
            response = RedirectResponse(f"{HERE.format(case=case)}{asked}", 303)
            await running.carry_out(command, answer=keep(response, recipient))
            return response

        try:
            body = body_of(form.asked, typed)
            notice = None if ANYWAY in typed else doubtful(state, body, about)
            if notice is not None:
                tried = Tried(form.name, about, typed, notice=notice)
                return await page(running, pages, request, case, session, state, tried, 422)
            return await once(running, request, case, "evidence", raw, act, key=typed.get(ONCE, ("",))[-1] or None)
        except ValidationError as error:
            tried = Tried(form.name, about, typed, faults(error), "invalid-field")
            return await page(running, pages, request, case, session, state, tried, 422)
        except Refused as refused:
            tried = refusal(form.name, about, typed, refused)
            return await page(running, pages, request, case, session, state, tried, status_of(refused))

    router.add_api_route(HERE + form.path, sent, methods=["POST"], response_model=None)


def doubtful(state: Case, body: Asked, about: str) -> NoticeCheck | None:
    """The check of a hearing's notice where it is not lawful: the team sees it before it is recorded."""
    match body:
        case hearing.HearingAsked():
            kind: Any = body.kind
        case hearing.MoveAsked() if about in state.hearings:
            kind = state.hearings[about].kind
        case _:
            return None
    today = clock.paris_day(clock.now())
    found = checked(state, kind, body.day, today, called_by=body.called_by, served_on=body.served_on, area=body.area)
    return found if found is not None and found.outcome in {"too-soon", "too-late"} else None


def _problem(tried: Tried) -> str:
    if not tried.problem:
        return ""
    return f"problem_{tried.problem}" if f"problem_{tried.problem}" in TEXTS else "problem_other"
