"""Who asks, and what they may see: decided from the session and from the service's own fold of the case."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from starlette.requests import Request

from shared import clock
from shared.casefile import CaseFile
from shared.contracts.intake import Role
from shared.errors import BrokenSignature, NotFound, RecoursError, Unavailable
from shared.trust.sessions import OF_THE_TEAM, Session, check_session
from shared.web.running import Running

COOKIE: Final = "recours_session"


class SignInFirst(RecoursError):
    """The request carries no session (HTTP 401); it says nothing of what is there."""

    code = "sign-in-first"


def viewer(request: Request) -> Session | None:
    """The session of a Bearer token or of the cookie; None without one, or with one that intake did not sign.

    Raises:
        SessionExpired: it was good and its five minutes are over.
    """
    token = _token(request)
    if token is None:
        return None
    running: Running = request.app.state.running
    try:
        return check_session(token, running.keys, clock.now())
    except BrokenSignature:
        return None


def member(request: Request) -> Session:
    """The session of a member of the team, who goes from case to case.

    Raises:
        SignInFirst: no session.
        SessionExpired: a session that has run out.
        NotFound: anybody else's.
    """
    session = viewer(request)
    if session is None:
        raise SignInFirst("Sign in to the team's space with your name and passphrase first, then come back.")
    if session.case_id is not None or session.role not in OF_THE_TEAM:
        raise NotFound
    return session


async def seen(
    running: Running,
    request: Request,
    case: str,
    *,
    aggregate: str = "case",
    roles: Collection[Role] | None = None,
) -> tuple[Session, Any]:
    """The session and the service's state of ``case``, for who may see it now in one of ``roles`` (None: in any).

    The state has a field ``file: CaseFile``.

    Raises:
        SignInFirst: no session.
        SessionExpired: a session that has run out.
        NotFound: another case's session, no access, or no such case: alike on purpose.
        Unavailable: this service has not yet read as far as the session has.
    """
    session = viewer(request)
    if session is None:
        raise SignInFirst("Sign in first: open your case with its code, then come back.")
    if session.case_id is not None and session.case_id != case:
        raise NotFound
    state = await running.load(aggregate, case)
    file: CaseFile = state.file
    # Staff go from case to case: their session's sequence is none of this case's.
    if session.case_id is not None and file.upto < session.sequence:
        raise Unavailable("This part is catching up with your case: try again in a second.", retry_after=1)
    role = file.role_of(session.sub)
    if role is None or (roles is not None and role not in roles):
        raise NotFound
    return session, state


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.cookies.get(COOKIE)
