"""``recours run SERVICE``: one service in this process, until SIGTERM."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from deploy.embedded.site import SERVICES
from shared import logs
from shared.errors import NotFound
from shared.settings import read


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def run(
        service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
    ) -> None:
        """Run one service with the settings of the environment, until SIGTERM."""
        if service not in SERVICES:
            raise NotFound(f"There is no service {service!r}: choose one of {', '.join(SERVICES)}.")
        settings = read()
        logs.configure(service, settings.replica, settings.log_level)
        declaration = importlib.import_module(f"services.{service}.service").service
        importlib.import_module("shared.runtime.process").run(declaration, settings)
