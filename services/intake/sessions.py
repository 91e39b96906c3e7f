"""Signing in and staying so.

A session token (shared.trust.sessions) lasts five minutes and is the only thing that services look at. Beside it the
browser holds a refresh token in an HttpOnly cookie that is sent to ``/api/sessions`` alone: a JWS by intake, bound to
one access and to the present hashes of its secrets, good for 8 hours in all and for 30 minutes (2 hours for the team)
after the person last did something: an open page that nobody touches renews nothing (ADR 11). Renewing looks at the
case again, so a revocation, a frozen access, another passphrase or the erasure ends it within five minutes.
Scopes: ``code`` (add evidence, read the next step), ``full`` (content, invitations, erasure), ``team``.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from services.intake import codes
from services.intake.account import stamp_of, verified
from services.intake.domain.commands import AcceptInvitation
from services.intake.domain.state import Case
from services.intake.tools import PER_CLIENT, PER_CODE, Tools, client_of
from shared import clock
from shared.contracts.intake import Role
from shared.contracts.sealed import Account, Secrets, read_sealed
from shared.errors import BrokenSignature, NotFound, Refused
from shared.runtime.running import Running
from shared.trust.jws import sign_compact, verify_compact
from shared.trust.keyring import KeysDestroyed
from shared.trust.sessions import MAX_LIFETIME, Session, issue_session
from shared.trust.staff import StaffMember, StaffRole
from shared.web.access import COOKIE

PEPPER: Final = "hmac-pepper"
REFRESH_COOKIE: Final = "recours_refresh"
REFRESH_TYP: Final = "recours-refresh+jwt"
REFRESH_PATH: Final = "/api/sessions"
IDLE: Final = timedelta(minutes=30)
IDLE_OF_THE_TEAM: Final = timedelta(hours=2)
AT_MOST: Final = timedelta(hours=8)
REFUSAL_SECONDS: Final = 0.6
"""A refused sign-in answers at a multiple of this, whatever was wrong."""


class WrongCode(NotFound):
    """Unknown code, wrong secret, wrong passphrase, revoked or frozen access: alike on purpose."""

    code = "wrong-code"

    def __init__(self) -> None:
        super().__init__("This code does not open anything. Check it, and the passphrase if you set one.")


@dataclass(frozen=True, slots=True)
class Signed:
    """A session begun or renewed. ``token`` is the session's; ``refresh`` goes into its cookie and nowhere else.

    ``expires``: of the token. ``until``: when it can be renewed no more unless the person does something (aware UTC).
    """

    token: str
    refresh: str
    sub: str
    role: str
    case: str | None
    scope: tuple[str, ...]
    expires: datetime
    until: datetime

    def told(self) -> dict[str, Any]:
        """What the answer says."""
        return {
            "session": self.token,
            "role": self.role,
            "case": self.case,
            "scope": list(self.scope),
            "expires_at": self.expires.isoformat(),
            "closes_in": int((self.until - clock.now()).total_seconds()),
        }


async def locator_index(running: Running, locator: str) -> str:
    """The blind index of a locator, which is the id of the access that its code opens."""
    return codes.blind_index(locator, await running.keyring.secret("intake", PEPPER))


async def read_account(running: Running, case: str, state: Case) -> Account:
    """The hashes of the case's secrets. Raises KeysDestroyed after the erasure."""
    return read_sealed(Account, await running.reveal(case, "account", state.sealed["account"]))


def begin(
    running: Running,
    sub: str,
    role: str,
    case: str | None,
    sequence: int,
    scope: Iterable[str],
    *,
    access: str,
    stamp: str,
    since: datetime | None = None,
    acted: datetime | None = None,
) -> Signed:
    """A session that begins, or goes on since ``since``. ``sequence``: intake's of the case, at least.

    ``acted``: when the person last did something, by default now.
    """
    now = clock.now().replace(microsecond=0)
    granted = tuple(sorted(scope))
    started, acted = since or now, acted or now
    until = min(acted + (IDLE_OF_THE_TEAM if case is None else IDLE), started + AT_MOST).replace(microsecond=0)
    lifetime = min(MAX_LIFETIME, until - now)
    token = issue_session(
        running.signing,
        sub=sub,
        role=role,
        case_id=case,
        sequence=sequence,
        now=now,
        scope=granted,
        lifetime=lifetime,
    )
    refresh = sign_compact(
        running.signing,
        REFRESH_TYP,
        {
            "sub": sub,
            "role": role,
            "case": case,
            "access": access,
            "stamp": stamp,
            "scope": list(granted),
            "since": int(started.timestamp()),
            "acted": int(acted.timestamp()),
            "exp": int(until.timestamp()),
        },
    )
    return Signed(token, refresh, sub, role, case, granted, now + lifetime, until)


async def sign_in(
    running: Running, tools: Tools, request: Request, typed: str, passphrase: str | None, *, accept: bool = False
) -> Signed:
    """A session by code, and by passphrase for the full scope. ``accept``: the code is that of an invitation.

    Raises:
        Refused: ``code-mistyped``; ``accept-first`` for an invitation that was not accepted yet.
        WrongCode: anything else that does not fit, in the same time.
        TooManyAttempts: of this code, or from this address.
    """
    code = codes.read(typed)
    started = time.monotonic()
    index = await locator_index(running, code.locator)
    tools.attempts.count(PER_CLIENT, client_of(request))
    tools.attempts.check(PER_CODE, index)
    case = await running.resolve(f"locator:{index}")
    state: Case = await running.load("case", case) if case else Case()
    held = await _held(running, case, state, index)
    right = await verified(held.code if held else None, code.secret)
    if passphrase is not None:
        right = await verified(held.passphrase if held else None, passphrase) and right
    latest = state.file.accesses.get(index)
    access = latest.value if latest and index not in state.file.revoked else None
    if not right or held is None or case is None or access is None or access.status == "frozen":
        await _at_its_time(started)
        tools.attempts.count(PER_CODE, index)
        raise WrongCode
    if access.status == "invited":
        if not accept:
            raise Refused("accept-first", "This is an invitation. Accept it to see the case.", conflict=True)
        done = await running.carry_out(AcceptInvitation(case=case, access=index, holder=access.holder))
        state = done.state
    scope = ("code", "full") if passphrase is not None else ("code",)
    role: Role = state.file.role_of(access.holder) or access.role
    return begin(running, access.holder, role, case, state.file.upto, scope, access=index, stamp=stamp_of(held))


async def sign_in_staff(running: Running, tools: Tools, request: Request, name: str, passphrase: str) -> Signed:
    """A session of the team, by name and passphrase. Raises NotFound alike for both, TooManyAttempts, Refused."""
    started = time.monotonic()
    tools.attempts.count(PER_CLIENT, client_of(request))
    tools.attempts.check(PER_CODE, f"staff {name[:80]}")
    try:
        member = await running.keyring.admit_staff(name, passphrase)
    except NotFound:
        await _at_its_time(started)
        tools.attempts.count(PER_CODE, f"staff {name[:80]}")
        raise
    if member.role is StaffRole.ADMIN:
        raise Refused("no-desk", "An admin sees no case. Work with the command line, or ask for another role.")
    return begin(running, member.name, member.role, None, 0, ("team",), access="", stamp=_staff_stamp(member))


def genuine(running: Running, refresh: str | None) -> dict[str, Any] | None:
    """The claims of a refresh token that intake signed, however old; None for anything else."""
    try:
        return verify_compact(refresh or "", REFRESH_TYP, running.keys, owner="intake", at=clock.now())
    except BrokenSignature:
        return None


async def renew(running: Running, refresh: str | None, idle: timedelta | None = None) -> Signed:
    """Five minutes more for who may still see the case. ``idle``: since the person did something; None: not known.

    Raises WrongCode when they may not, or did nothing for too long.
    """
    now = clock.now()
    claims = genuine(running, refresh)
    if claims is None or int(claims["exp"]) <= now.timestamp():
        raise WrongCode
    since, acted = (datetime.fromtimestamp(int(claims[one]), now.tzinfo) for one in ("since", "acted"))
    if idle is not None:
        acted = max(acted, now - idle)
    sub, case, stamp = str(claims["sub"]), claims["case"], str(claims["stamp"])
    if case is None:
        member = await running.keyring.staff_member(sub)
        if member is None or _staff_stamp(member) != stamp:
            raise WrongCode
        return begin(running, sub, member.role, None, 0, ("team",), access="", stamp=stamp, since=since, acted=acted)
    state: Case = await running.load("case", case)
    access = str(claims["access"])
    held = await _held(running, case, state, access)
    role = state.file.role_of(sub)
    if held is None or role is None or stamp_of(held) != stamp:
        raise WrongCode
    sequence = state.file.upto
    return begin(
        running, sub, role, case, sequence, claims["scope"], access=access, stamp=stamp, since=since, acted=acted
    )


def keep(running: Running, response: Response, signed: Signed) -> Response:
    """``response`` with the two cookies of the session."""
    secure = running.settings.origin.startswith("https://")
    # Lax: the way back from the payment page must find the session; whatever changes something is same-origin only.
    response.set_cookie(
        COOKIE, signed.token, max_age=int(MAX_LIFETIME.total_seconds()), httponly=True, samesite="lax", secure=secure
    )
    response.set_cookie(
        REFRESH_COOKIE,
        signed.refresh,
        # It outlives what it can renew: who sends a form too late is known by it, and gets back what they typed.
        max_age=int(AT_MOST.total_seconds()),
        path=REFRESH_PATH,
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


def leave(response: Response) -> Response:
    """``response`` that takes both cookies away."""
    response.delete_cookie(COOKIE)
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH)
    return response


def needs_full(session: Session) -> None:
    """Raises Refused unless the passphrase was given; the team has given theirs."""
    if session.case_id is not None and "full" not in session.scope:
        message = "This needs your passphrase. Sign in with it, or set one first."
        raise Refused("passphrase-needed", message, field="passphrase", conflict=True)


async def _held(running: Running, case: str | None, state: Case, access: str) -> Secrets | None:
    if case is None or "account" not in state.sealed:
        return None
    try:
        return (await read_account(running, case, state)).accesses.get(access)
    except KeysDestroyed:
        return None


def _staff_stamp(member: StaffMember) -> str:
    return hashlib.sha256(f"{member.role}\n{member.passphrase_hash}".encode()).hexdigest()[:32]


async def _at_its_time(started: float) -> None:
    # The time of a refusal must not tell whether the code exists: it comes at the next multiple.
    await asyncio.sleep(REFUSAL_SECONDS - (time.monotonic() - started) % REFUSAL_SECONDS)
