"""What routes need beside the running service: the data files, the pages, and the count of sign-in attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from services.intake.guides import Guides, read_guides
from services.intake.numbers import Numbers, numbers_for, read_numbers
from services.intake.referrals import Partners, read_partners
from services.intake.roster import Roster, read_roster
from shared import clock
from shared.errors import TooMany
from shared.web.language import language_of
from shared.web.pages import Pages, Texts, read_texts

PER_CODE = parse("8 per 15 minutes")
"""Refused sign-ins with one code, or by one name of the team."""

PER_CLIENT = parse("120 per 15 minutes")
"""Sign-ins from one address, refused or not: each costs a slow hash."""

OPENINGS = parse("240 per hour")
"""Cases opened from one address, behind which a whole school may sit; a repeat of the same request is no other."""


FIRST_FEW = 4
"""Numbers that show at once where no danger was told; the others are one tap away."""


class TooManyAttempts(TooMany):
    """Sign-in is refused for a while, whether the code exists or not."""

    code = "too-many-attempts"

    def __init__(self) -> None:
        super().__init__("Too many tries in a row. Wait a quarter of an hour, then try again.", retry_after=900)


class Attempts:
    """Attempts counted in this process's memory: with several replicas each counts its own."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, item: RateLimitItem, *who: str) -> None:
        """Raises TooManyAttempts when the limit is reached; counts nothing."""
        if not self._limiter.test(item, *who):
            raise TooManyAttempts

    def count(self, item: RateLimitItem, *who: str) -> None:
        """One more attempt. Raises TooManyAttempts beyond the limit."""
        if not self._limiter.hit(item, *who):
            raise TooManyAttempts


@dataclass(frozen=True, slots=True)
class Tools:
    guides: Guides
    numbers: Numbers
    partners: Partners
    roster: Roster
    pages: Pages
    texts: Texts
    attempts: Attempts = field(default_factory=Attempts)

    def text(self, request: Request, key: str) -> str:
        """A text of our pages in the language of the request."""
        return self.texts[language_of(request)][key]


def tools(_running: Any) -> Tools:
    """The tools of one process. Raises Refused or ValueError when a data file cannot be read."""
    templates = Path(__file__).with_name("templates")
    return Tools(
        guides=read_guides(),
        numbers=read_numbers(),
        partners=read_partners(),
        roster=read_roster(),
        pages=Pages(templates),
        texts=read_texts(templates / "texts.toml"),
    )


def presence(held: Tools) -> dict[str, Any]:
    """Who to call, and whether somebody of the team is there: what every entrance shows first."""
    now = clock.now()
    return {
        "numbers": numbers_for(held.numbers, (), now),
        "now": now,
        "first_few": FIRST_FEW,
        "somebody": held.roster.on_call(now) is not None,
        "back": held.roster.next_presence(now),
    }


def client_of(request: Request) -> str:
    """Whence a request comes, to count attempts by: what the gateway in front has added last, else the connection."""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return (forwarded or (request.client.host if request.client else "unknown"))[:64]
