"""``recours up``: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.options import Engines
from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engine_sets import EMBEDDED, named
from deploy.embedded.files import private_directory
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from shared import logs
from shared.errors import NotFound


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def up(
        data: Annotated[Path, typer.Option(help="Directory of everything it keeps.")] = Path("var/up"),
        port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the public address.")] = None,
        engines: Engines = EMBEDDED.name,
        only: Annotated[str, typer.Option(help="Services to run, comma separated; 'none': engines only.")] = "all",
    ) -> None:
        """Run every engine and service on this machine until Ctrl-C; what it keeps is there again next time."""
        asyncio.run(_up(data, port, _chosen(only), named(engines)))


def _chosen(only: str) -> tuple[str, ...]:
    match only:
        case "all":
            return SERVICES
        case "none":
            return ()
    chosen = tuple(name.strip() for name in only.split(","))
    for name in chosen:
        if name not in SERVICES:
            raise NotFound(f"There is no service {name!r}: choose among {', '.join(SERVICES)}.")
    return chosen


async def _up(data: Path, port: int | None, services: tuple[str, ...], engines: EngineSet) -> None:
    console = Console(highlight=False)
    with (private_directory(private_directory(data) / "logs") / "supervisor.log").open("a") as log:
        logs.configure("supervisor", stream=log)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        platform = Platform(data, services, engines=engines, port=port)
        starting = asyncio.create_task(platform.start())
        stopping = asyncio.create_task(stop.wait())
        try:
            console.print("Starting…")
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                _show(console, platform)
                await stopping
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            if not starting.cancelled() and starting.exception() is None:
                console.print("Stopping…")
            await platform.stop()


def _show(console: Console, platform: Platform) -> None:
    table = Table("what", "address", box=None, pad_edge=False)
    for name, address in platform.addresses.items():
        table.add_row(name, address)
    console.print(table)
    console.print(f"Logs: {platform.data / 'logs'}   Mails: {platform.site.mails}")
    console.print(f"Open {platform.origin} — Ctrl-C ends it.", markup=False)
