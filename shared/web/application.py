"""The web application of one service: its routes in the frame that all services have alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from shared.errors import RecoursError
from shared.web import receipts
from shared.web.bodies import BodyLimit
from shared.web.headers import SecurityHeaders
from shared.web.origin import SameOrigin
from shared.web.problems import MEDIA_TYPE, Guard, Problem, on_http_error, on_invalid, on_recours_error
from shared.web.receipts import Recorder
from shared.web.tracing import Tracing

STATIC: Final = Path(__file__).with_name("static")
FRONT: Final = "intake"
"""The service that serves ``/static``: all share one origin, so one of them is enough."""

_PAYING: Final = "billing"


class _Static(StaticFiles):
    """Files that hold nothing personal, so a browser may keep them for an hour."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


class _Application(FastAPI):
    """Its description names problems by their own media type."""

    def openapi(self) -> dict[str, Any]:
        described = super().openapi()
        for operations in described["paths"].values():
            for operation in operations.values():
                content = operation["responses"]["default"]["content"]
                if "application/json" in content:
                    content[MEDIA_TYPE] = content.pop("application/json")
        return described


def api_prefix(service: str) -> str:
    """Where the JSON API of a service lies: ``/api`` for the front, ``/<service>/api`` for the others."""
    return "/api" if service == FRONT else f"/{service}/api"


def application(running: Recorder, extra_routes: Iterable[BaseRoute] = (), *, static: bool | None = None) -> FastAPI:
    """``running.service.routes(running)`` with errors, headers, bounds and the API's description around it.

    Args:
        running: the service in its process; routes find it as ``request.app.state.running`` too.
        extra_routes: further routes, matched first (health, metrics).
        static: serve ``/static``; by default the front alone does.
    """
    service = running.service
    # Only the page that pays may lead to the provider.
    forms = (running.settings.payment_page,) if service.name == _PAYING else ()
    app = _Application(
        title=f"recours {service.name}",
        version="1",
        openapi_url=f"{api_prefix(service.name)}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"model": Problem, "description": "Refused: what was wrong and what to do next."}},
        exception_handlers={
            RecoursError: on_recours_error,
            RequestValidationError: on_invalid,
            HTTPException: on_http_error,
        },
        middleware=[
            Middleware(Tracing),
            Middleware(SecurityHeaders, settings=running.settings, forms=forms),
            Middleware(Guard),
            Middleware(SameOrigin, origin=running.settings.origin),
            Middleware(BodyLimit),
        ],
    )
    app.state.running = running
    app.router.routes.extend(extra_routes)
    if static if static is not None else service.name == FRONT:
        app.router.routes.append(Mount("/static", _Static(directory=STATIC), name="static"))
    app.include_router(receipts.routes(running, api_prefix(service.name)))
    if service.routes is not None:
        app.include_router(service.routes(running))
    return app
