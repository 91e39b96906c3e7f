"""``recours refold SERVICE``: make states again from inbox and events, now rather than when each is next loaded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from deploy.audit.sites import declaration, settings_directory, settings_of, store_of
from deploy.cli.options import Data, Where
from deploy.embedded.site import SERVICES
from shared.runtime.refolding import everything, outdated, refold_states


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def refold(
        service: Annotated[str, typer.Argument(help=f"Whose states: {', '.join(SERVICES)}.")],
        whole: Annotated[bool, typer.Option("--all", help="Also states of the present fold.")] = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Fold states again and store those that change; the service may be running, and is asked to react to them."""
        directory = settings_directory(data, settings)
        with Console(stderr=True, highlight=False).status("Refolding…") as status:
            looked, written = asyncio.run(_refold(service, directory, status, whole=whole))
        Console(highlight=False).print(f"{looked} states of {service} folded again, {written} written.")


async def _refold(name: str, directory: Path | None, status: Status, *, whole: bool) -> tuple[int, int]:
    service, settings = declaration(name), settings_of(name, directory)
    store = store_of(service, settings)
    try:
        return await refold_states(
            service, store, everything if whole else outdated, told=lambda looked: status.update(f"Refolding… {looked}")
        )
    finally:
        store.close()
