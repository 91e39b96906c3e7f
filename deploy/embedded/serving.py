"""How the small HTTP servers of the platform are served: uvicorn, quiet, with nothing of itself in the headers."""

from __future__ import annotations

from typing import Any

import uvicorn


def serve(application: Any, host: str, port: int) -> None:
    """Serves an ASGI application until SIGTERM or SIGINT, which let running requests end (3 s at most)."""
    uvicorn.run(
        application,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=15,
    )
