"""Session tokens: intake's word, for at most five minutes, on who somebody is and what they may open.

Compact JWS by intake's service key, ``typ`` recours-session+jwt. Claims: ``sub`` (who), ``role``, ``case`` (case id,
or null for staff who may go from case to case), ``sequence`` (intake's sequence of that case: a service whose fold is
behind it answers "try again"), ``scope`` (list), ``iat`` and ``exp`` (seconds since 1970, UTC).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import BrokenSignature, RecoursError
from shared.trust.jws import sign_compact, verify_compact
from shared.trust.signing import CLOCK_SKEW, KeySet, SigningKey

TYP = "recours-session+jwt"
ISSUER = "intake"
MAX_LIFETIME = timedelta(minutes=5)


class Role(StrEnum):
    """What somebody is on a case, or in the team."""

    VICTIM = "victim"
    WITNESS = "witness"
    GUARDIAN = "guardian"
    INSTITUTION = "institution"
    CASE_WORKER = "case-worker"
    LAWYER = "lawyer"
    ACCOUNTANT = "accountant"


OF_THE_TEAM = frozenset({Role.CASE_WORKER, Role.LAWYER, Role.ACCOUNTANT})


class SessionExpired(RecoursError):
    """The token was good and is too old: the page asks intake for another."""

    code = "session-expired"


class Session(BaseModel):
    """A verified token. ``case_id`` is None for staff only; ``expires_at`` is aware UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sub: Annotated[str, Field(min_length=1, max_length=128)]
    role: Role
    case_id: Annotated[str, Field(min_length=1, max_length=64)] | None
    sequence: Annotated[int, Field(ge=0, strict=True)]
    scope: frozenset[Annotated[str, Field(min_length=1, max_length=64)]]
    issued_at: AwareDatetime
    expires_at: AwareDatetime

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.case_id is None and self.role not in OF_THE_TEAM:
            raise ValueError("Only the team's sessions may be without a case.")
        if not timedelta(0) < self.expires_at - self.issued_at <= MAX_LIFETIME:
            raise ValueError("A session lasts at most five minutes.")
        return self


def issue_session(
    key: SigningKey,
    *,
    sub: str,
    role: Role | str,
    case_id: str | None,
    sequence: int,
    now: datetime,
    scope: Iterable[str] = (),
    lifetime: timedelta = MAX_LIFETIME,
) -> str:
    """A token signed by intake's ``key`` at ``now`` (aware).

    Raises ValueError when the claims break a rule of Session (pydantic's ValidationError is one).
    """
    issued = now.replace(microsecond=0)
    session = Session(
        sub=sub,
        role=Role(role),
        case_id=case_id,
        sequence=sequence,
        scope=frozenset(scope),
        issued_at=issued,
        expires_at=issued + lifetime,
    )
    return sign_compact(
        key,
        TYP,
        {
            "sub": session.sub,
            "role": session.role.value,
            "case": session.case_id,
            "sequence": session.sequence,
            "scope": sorted(session.scope),
            "iat": int(session.issued_at.timestamp()),
            "exp": int(session.expires_at.timestamp()),
        },
    )


def check_session(token: str, keys: KeySet, now: datetime) -> Session:
    """Who the bearer is, if intake says so and the five minutes are not over at ``now`` (aware).

    Raises BrokenSignature for anything that intake did not sign for this use (answer it as an absent page), and
    SessionExpired for what it signed and has run out.
    """
    session = _session(verify_compact(token, TYP, keys, owner=ISSUER, at=now))
    if session.issued_at > now + CLOCK_SKEW:
        raise BrokenSignature("This session begins in the future: set the clocks right, then sign in again.")
    if now >= session.expires_at:
        raise SessionExpired("This session has run out: reload the page, or sign in again.")
    return session


def _session(claims: dict[str, Any]) -> Session:
    try:
        return Session(
            sub=claims["sub"],
            role=Role(claims["role"]),
            case_id=claims["case"],
            sequence=claims["sequence"],
            scope=frozenset(claims["scope"]),
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (ValidationError, ValueError, TypeError, KeyError, OverflowError, OSError):
        raise BrokenSignature("This session does not say what a session says: sign in again.") from None
