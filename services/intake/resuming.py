"""A page asked for, or a form sent, too late: the session is renewed and all goes on, or it waits for the sign-in.

Every service sends such a form here (307, shared.web.problems), because only ``/api/sessions`` gets the cookie that
renews. Who may still renew is led back at once, and the browser sends the form again by itself. Who may not signs in
on the page that comes back, then sees what they had typed and sends it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Cookie, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.intake.sessions import PEPPER, REFRESH_COOKIE, Signed, WrongCode, genuine, keep, leave, renew
from services.intake.tools import Tools, presence
from services.intake.typed import MOST_BYTES, MOST_SEALED, given_back, read_typed, sealed
from shared import clock
from shared.errors import RecoursError, Refused
from shared.runtime.running import Running
from shared.web.bodies import let_by, whole
from shared.web.problems import RENEWAL, RESUMED, RESUMPTION

OWN_PAGE: Final = re.compile(r"/(cases|evidence|legal|billing|notify|team)(/[A-Za-z0-9._/-]*)?")
_CASE: Final = re.compile(r"/cases/([^/]+)")
_OF_THE_TEAM: Final = re.compile(r"/team(/|$)|/notify/cases/[^/]+/pages/")
"""Pages that only the team is sent to."""


class PassphraseToo(Refused):
    """What waits was typed in a session that had the passphrase, and may need it."""

    def __init__(self) -> None:
        super().__init__("passphrase-too", "Give your passphrase as well: what you typed needs it.", field="passphrase")


def routes(running: Running) -> APIRouter:
    """Both ways, for browsers alone."""
    router = APIRouter(include_in_schema=False)
    held: Tools = running.tools

    @router.post(RESUMPTION.removeprefix("/api"))
    async def resuming(
        request: Request,
        then: Annotated[str, Query(alias="next", max_length=300)] = "/",
        refresh: Annotated[str | None, Cookie(alias=REFRESH_COOKIE)] = None,
    ) -> Response:
        begun = await let_by(request, MOST_BYTES)
        place = then if OWN_PAGE.fullmatch(then) else "/"
        try:
            # Sending a form is something that a person does.
            signed = await renew(running, refresh, timedelta(0))
        except WrongCode:
            waiting = await _waiting(running, request, place, refresh, begun)
            context = {"problem": "", "typed": waiting, "lost": not waiting, "home": "/"}
            if of_the_team(running, refresh, place):
                return held.pages.render(request, "team_enter.html", status=401, **context)
            return held.pages.render(request, "enter.html", status=401, joining=False, **context, **presence(held))
        if place == "/":
            return keep(running, RedirectResponse("/", 303), signed)
        return keep(running, RedirectResponse(f"{place}?{RESUMED}=1", 307), signed)

    @router.get(RENEWAL.removeprefix("/api"))
    async def renewing(
        then: Annotated[str, Query(alias="next", max_length=300)] = "/",
        refresh: Annotated[str | None, Cookie(alias=REFRESH_COOKIE)] = None,
    ) -> Response:
        """A page asked for too late: back to where the person was, or to the sign-in."""
        try:
            signed = await renew(running, refresh, timedelta(0))
        except RecoursError:
            entrance = "/team/enter" if of_the_team(running, refresh, then) else "/enter"
            return leave(RedirectResponse(entrance, 303))
        return keep(running, RedirectResponse(then if OWN_PAGE.fullmatch(then) else "/", 303), signed)

    return router


def of_the_team(running: Running, refresh: str | None, place: str) -> bool:
    """Whether it is a member of the team who has to sign in again."""
    claims = genuine(running, refresh)
    return claims["case"] is None if claims is not None else bool(_OF_THE_TEAM.match(place))


async def typed_of(request: Request) -> str:
    """The sealed text that a sign-in form carries, with the form itself left to be read. Raises TooLarge."""
    await whole(request, MOST_SEALED)
    return str((await request.form()).get("typed", ""))


async def back_in(running: Running, request: Request, signed: Signed, waiting: str, otherwise: str) -> Response:
    """After a sign-in: the page with what this holder had typed, else the way to ``otherwise``.

    Raises PassphraseToo when they had given their passphrase before and did not now.
    """
    typed = None
    if waiting:
        typed = given_back(waiting, await running.keyring.secret("intake", PEPPER), signed.sub, clock.now())
    if typed is None or not OWN_PAGE.fullmatch(typed.path):
        return keep(running, RedirectResponse(otherwise, 303), signed)
    if typed.full and not {"full", "team"} & set(signed.scope):
        raise PassphraseToo
    held: Tools = running.tools
    page = held.pages.render(request, "typed.html", form=typed, otherwise=otherwise, home=otherwise)
    return keep(running, page, signed)


async def _waiting(running: Running, request: Request, place: str, refresh: str | None, body: bytes) -> str:
    claims = genuine(running, refresh)
    named = _CASE.search(place)
    # Somebody else's page: this browser has changed hands, and what was typed goes to nobody.
    if claims is None or place == "/" or (claims["case"] is not None and (not named or named[1] != claims["case"])):
        return ""
    full = "full" in claims["scope"]
    typed = read_typed(str(claims["sub"]), place, request.headers.get("content-type", ""), body, full=full)
    if typed is None:
        return ""
    return sealed(typed, await running.keyring.secret("intake", PEPPER), clock.now())
