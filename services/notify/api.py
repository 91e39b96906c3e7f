"""What was told to the person and when: a page and its JSON, never an address nor a text; and a team page's link."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict

from services.notify.domain.outcomes import RecordTaken
from services.notify.domain.paging import TEMPLATES
from services.notify.domain.state import Case
from shared.contracts.event import Id
from shared.contracts.intake import Role
from shared.errors import NotFound
from shared.web.access import member, seen
from shared.web.pages import Pages

_PAGES: Final = Pages(Path(__file__).with_name("templates"))
_ROLES: Final[frozenset[Role]] = frozenset({"victim", "guardian", "case-worker", "lawyer"})
_QUIET: Final = frozenset({"no-longer-due", "too-late"})
"""Reasons of what was rightly not sent: nothing that the person has to know of."""


class Told(BaseModel):
    """One notification: its template, what became of it, when (UTC), and why it was not sent."""

    model_config = ConfigDict(frozen=True)

    notification: str
    template: str
    outcome: Literal["sent", "failed"]
    at: datetime
    reason: str | None = None


class Notifications(BaseModel):
    """What was told of a case, newest first."""

    model_config = ConfigDict(frozen=True)

    notifications: tuple[Told, ...]


def routes(running: Any) -> APIRouter:
    """The page of a case and the JSON beside it."""
    router = APIRouter()

    @router.get("/notify/api/cases/{case}/notifications")
    async def listed(request: Request, case: str) -> Notifications:
        """What was sent to the person of this case, and what could not be."""
        return Notifications(notifications=_told(await _seen(running, request, case)))

    @router.get("/notify/cases/{case}", include_in_schema=False)
    async def page(request: Request, case: str) -> HTMLResponse:
        state = await _seen(running, request, case)
        shown = [one for one in _told(state) if one.reason not in _QUIET]
        return _PAGES.render(request, "notifications.html", told=shown, forgotten=state.forgotten)

    @router.get("/notify/cases/{case}/pages/{alarm}", include_in_schema=False)
    async def taking(request: Request, case: Id, alarm: Id) -> RedirectResponse:
        """Where the link of a page to the team leads: on to the dossier, and the alarm is taken.

        Who has no part in the case yet goes to the list, where taking the case takes its alarms.
        """
        session = member(request)
        state: Case = await running.load("case", case)
        role = state.file.role_of(session.sub)
        if role not in {"case-worker", "lawyer"}:
            return RedirectResponse("/team", 303)
        await running.carry_out(RecordTaken(case=case, alarm=alarm, viewer=session.sub, role=role))
        return RedirectResponse(f"/cases/{case}", 303)

    return router


async def _seen(running: Any, request: Request, case: str) -> Case:
    session, found = await seen(running, request, case, roles=_ROLES)
    state: Case = found
    facets = state.file.facets.value
    # A guardian's access does not open the minor's own space: only the opener is written to.
    if state.file.role_of(session.sub) == "guardian" and (facets is None or facets.persona != "guardian"):
        raise NotFound
    return state


def _told(state: Case) -> tuple[Told, ...]:
    own = ((key, one) for key, one in state.outcomes.items() if one.template not in TEMPLATES)
    newest = sorted(own, key=lambda item: (item[1].at, item[0]), reverse=True)
    return tuple(
        Told(
            notification=key,
            template=one.template,
            outcome="sent" if one.reason is None else "failed",
            at=one.at,
            reason=one.reason,
        )
        for key, one in newest
    )
