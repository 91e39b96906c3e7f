"""Requests that change something come from our own pages: the defence against forged ones (CSRF).

Browsers say where a request comes from (Fetch Metadata, Origin); programs with a token send neither and are let in,
since nothing makes them carry somebody else's cookie.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import RecoursError

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignOrigin(RecoursError):
    """The request was sent by a page of another site (HTTP 403)."""

    code = "foreign-origin"


class SameOrigin:
    """ASGI middleware. Raises ForeignOrigin for an unsafe method sent by another site's page."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE and self._foreign(Headers(scope=scope)):
            raise ForeignOrigin("This was sent by a page of another site: open the page here and send it again.")
        await self._app(scope, receive, send)

    def _foreign(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in {"same-origin", "none"}
        origin = headers.get("origin")
        if origin is None or origin == self._origin:
            return False
        return urlsplit(origin).netloc != headers.get("host")
