"""Errors as answers: problem+json (RFC 9457) for programs, a short page for persons.

``type`` is ``urn:recours:problem:<code>``; ``code`` is stable, ``detail`` says what to do next, ``field`` is the dotted
path of the offending field. What somebody sent is never echoed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import BrokenContract, NotFound, RecoursError, Refused, TooMany, Unavailable
from shared.logs import logger
from shared.trust.keyring import KeysDestroyed
from shared.trust.sessions import SessionExpired
from shared.web.access import COOKIE, SignInFirst
from shared.web.bodies import TooLarge, let_by, may_go_by
from shared.web.language import language_of
from shared.web.origin import ForeignOrigin
from shared.web.pages import Pages, own_page

MEDIA_TYPE: Final = "application/problem+json"
RENEWAL: Final = "/api/sessions/renew"
"""Where the front renews a session or asks to sign in, then leads back to ``next``."""

RESUMPTION: Final = "/api/sessions/resume"
"""The same for a form that was sent too late: the browser sends it there, and again to ``next``, by itself (307)."""

RESUMED: Final = "resumed"
"""The query that says that a form comes back from there, so that it goes there once only."""

_PAGES: Final = Pages(Path(__file__).with_name("templates"))
_SAID: Final = frozenset({401, 403, 404, 409, 410, 413, 422, 429, 503})
_LOG: Final = logger(__name__)
_ECHOING: Final = frozenset({"value_error", "assertion_error", "union_tag_invalid"})
_UNREADABLE: Final = "The body is not JSON: correct it and send it again."
_AWAY: Final = "This part is away for a moment; nothing was lost. Try again."
_UNSURE: Final = "This part is away for a moment, and may have recorded what you sent: look before you send it again."
_HAPPENED: Final = "Something failed on our side and nothing more is known here. Try again in a moment."


class FieldProblem(BaseModel):
    """One offending field."""

    model_config = ConfigDict(frozen=True)

    field: str
    detail: str


class Problem(BaseModel):
    """The body of every refusal, after RFC 9457."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    code: str
    detail: str
    field: str | None = None
    errors: tuple[FieldProblem, ...] = ()


def status_of(error: RecoursError) -> int:
    """The HTTP status of an error of ours; 500 for one that no caller can mend."""
    match error:
        case TooLarge():
            return 413
        case Refused():
            return 409 if error.conflict else 422
        case NotFound():
            return 404
        case TooMany():
            return 429
        case Unavailable():
            return 503
        case SessionExpired() | SignInFirst():
            return 401
        case ForeignOrigin():
            return 403
        case KeysDestroyed():
            return 410
        case BrokenContract():
            return 400
        case _:
            return 500


def answer(request: Request, error: RecoursError) -> Response:
    """The answer to an error of ours, with Retry-After or WWW-Authenticate where they are due."""
    status = status_of(error)
    if status == 500:
        return failed(request, error)
    if _may_renew(request, error):
        if request.method == "POST":
            return _SentOn(f"{RESUMPTION}?next={quote(request.url.path)}", 307)
        return RedirectResponse(f"{RENEWAL}?next={quote(request.url.path)}", 303)
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    field = error.field if isinstance(error, Refused) else None
    return _said(request, status, error.code, str(error), field=field, headers=headers)


def failed(request: Request, error: Exception) -> Response:
    """A 500 without details; the log gets the error's class and place, never its message."""
    _LOG.error("request-failed", exc_info=error, method=request.method.lower(), status=500)
    return _said(request, 500, "failed", _HAPPENED)


def unavailable(request: Request, again_after: int, *, unsure: bool = False) -> Response:
    """A 503 for a service that cannot say it itself. ``unsure``: it was sent something and may have recorded it."""
    detail = _UNSURE if unsure else _AWAY
    return _said(request, 503, "unavailable", detail, headers={"Retry-After": str(again_after)}, unsure=unsure)


async def on_recours_error(request: Request, error: Exception) -> Response:
    """Handler of RecoursError."""
    assert isinstance(error, RecoursError)  # noqa: S101 - registered for it alone
    return answer(request, error)


async def on_invalid(request: Request, error: Exception) -> Response:
    """Handler of what a route's models refuse; values are never echoed."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return _said(request, 400, "unreadable-json", _UNREADABLE)
    errors = tuple(FieldProblem(field=_path(one["loc"]), detail=_wrong(one)) for one in found[:20])
    detail = f"{errors[0].detail}: correct it and send it again." if errors else "Correct it and send it again."
    return _said(request, 422, "invalid-field", detail, field=errors[0].field if errors else None, errors=errors)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Handler of the framework's own refusals: an unknown path, a method, a body that could not be read."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    if isinstance(error.__cause__, RecoursError):
        return answer(request, error.__cause__)
    if error.status_code == 404:
        return answer(request, NotFound())
    if error.status_code == 400 and isinstance(error.__cause__, ValueError | RecursionError):
        return _said(request, 400, "unreadable-json", _UNREADABLE)
    if error.status_code >= 500:
        return failed(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    return _said(request, error.status_code, code, f"{phrase}: look at the API's description.", headers=headers)


class Guard:
    """ASGI middleware: whatever escapes becomes an answer, unless the answer has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # the last resort of every request: nothing may show what went wrong inside
            if begun:
                raise
            request = Request(scope, receive)
            response = answer(request, error) if isinstance(error, RecoursError) else failed(request, error)
            await response(scope, receive, sending)


def _said(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    errors: tuple[FieldProblem, ...] = (),
    headers: dict[str, str] | None = None,
    unsure: bool = False,
) -> Response:
    if _wants_page(request):
        said = detail if status in {409, 422} and language_of(request) == "en" else ""
        # A service that is a second behind shows its page as soon as it has caught up.
        again = (headers or {}).get("Retry-After", "") if request.method == "GET" else ""
        page = _PAGES.render(
            request,
            "problem.html",
            status=status,
            known=status in _SAID,
            number=status,
            detail=said,
            again_after=again,
            lost=request.method == "POST",
            unsure=unsure,
            next_step=_next_step(request, status),
        )
        page.headers.update(headers or {})
        return page
    problem = Problem(
        type=f"urn:recours:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        field=field,
        errors=errors,
    )
    body = problem.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


class _SentOn(RedirectResponse):
    """A redirection of a form, whose body is let by first: a browser cut off while sending would not follow."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await let_by(Request(scope, receive))
        await super().__call__(scope, receive, send)


def _next_step(request: Request, status: int) -> tuple[str, str]:
    text = _PAGES.text(request)
    place = own_page(request)
    if status == 401:
        return (f"{RENEWAL}?next={quote(place)}" if place != "/" else "/enter", text("reopen"))
    if place == "/" or status in {404, 410}:
        return "/", text("start")
    if status == 503 and request.method == "GET":
        return request.url.path, text("again")
    return place, text("back")


def _may_renew(request: Request, error: RecoursError) -> bool:
    """A page whose session ended goes and gets another; one whose session is not believed does not, or it would turn
    in circles.
    """
    ended = isinstance(error, SessionExpired) or (isinstance(error, SignInFirst) and COOKIE not in request.cookies)
    once = request.method == "GET" or (
        request.method == "POST" and RESUMED not in request.query_params and may_go_by(request)
    )
    return ended and once and _wants_page(request) and "hx-request" not in request.headers


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and "/api/" not in request.url.path


def _path(place: Iterable[int | str]) -> str:
    parts = [str(part) for part in place]
    inside = parts[1:] if parts[:1] in (["body"], ["query"], ["path"], ["header"], ["cookie"]) else parts
    # The name of an unknown field is what somebody typed: keep only what looks like a name.
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part) else "(unknown)" for part in inside) or "(body)"


def _wrong(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if error["type"] in _ECHOING and (error["type"] == "union_tag_invalid" or str(error.get("input")) in message):
        return "This value is not accepted here"
    return message
