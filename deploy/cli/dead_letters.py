"""``recours dead-letters``: what could not be applied, why, and sending it again through the ordinary path."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from deploy.audit.sites import declaration, keyring_of, settings_directory, settings_of, store_of
from deploy.cli.options import Data, Where
from deploy.cli.printing import console
from deploy.embedded.site import SERVICES
from shared import ids
from shared.errors import NotFound, Refused
from shared.objects import objects_of
from shared.runtime.checkpoints import Epochs
from shared.runtime.documents import DeadLetter
from shared.runtime.engine import Engine
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.store import Store
from shared.runtime.writing import Writing

Service = Annotated[str, typer.Option(help=f"Whose dead letters: {', '.join(SERVICES)}.")]
LONGEST_HEADER = 120


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Lists, shows and redrives dead letters.", no_args_is_help=True)
    app.add_typer(group, name="dead-letters")

    @group.command("list")
    def list_(service: Service, data: Data = None, settings: Where = None) -> None:
        """Name every dead letter of a service, oldest first."""
        letters = asyncio.run(_letters(service, settings_directory(data, settings)))
        table = Table("id", "since", "kind", "reason", "detail", box=None, pad_edge=False)
        for one in letters:
            table.add_row(one.id, one.time.isoformat(), one.kind, one.reason, one.detail)
        if letters:
            console().print(table)
        console().print(f"{len(letters)} dead {'letter' if len(letters) == 1 else 'letters'} of {service}.")

    @group.command()
    def show(
        letter: Annotated[str, typer.Argument(help="Its id, as listed.")],
        service: Service,
        body: Annotated[bool, typer.Option("--body", help="Print the raw body, which may hold anything.")] = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Show one dead letter; of its payload only the size, unless --body is given."""
        found = _chosen(asyncio.run(_letters(service, settings_directory(data, settings))), letter)
        _show(found)
        if body:
            sys.stdout.buffer.write(found.body + b"\n")
            sys.stdout.buffer.flush()

    @group.command()
    def redrive(
        service: Service,
        letter: Annotated[str | None, typer.Argument(help="Its id, as listed.")] = None,
        everything: Annotated[bool, typer.Option("--all", help="All of them, oldest first.")] = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Send dead letters through the ordinary path again; exit code 1 if one stays. The service may be running."""
        if (letter is None) == (not everything):
            raise Refused("one-or-all", "Name one dead letter, or give --all.")
        gone, stayed = asyncio.run(_redrive(service, settings_directory(data, settings), letter))
        console().print(f"{len(gone)} applied, {len(stayed)} stay.")
        for one in stayed:
            console().print(f"  {one}: correct the cause that `dead-letters show` names, then again.")
        if stayed:
            raise typer.Exit(1)


async def _letters(name: str, directory: Path | None) -> list[DeadLetter]:
    store = store_of(declaration(name), settings_of(name, directory))
    try:
        return await store.dead_letters()
    finally:
        store.close()


def _chosen(letters: list[DeadLetter], wanted: str) -> DeadLetter:
    found = next((one for one in letters if one.id == wanted), None)
    if found is None:
        raise NotFound("There is no such dead letter (any more): list them again.")
    return found


def _show(letter: DeadLetter) -> None:
    table = Table("what", "value", box=None, pad_edge=False)
    for what in ("id", "kind", "reason", "detail", "aggregate", "case", "topic", "partition", "offset"):
        table.add_row(what, str(getattr(letter, what)))
    table.add_row("since", letter.time.isoformat())
    for name, value in letter.headers:
        # Only our own attributes are known to carry nobody's data.
        known = name.startswith("ce_") and value.isascii() and len(value) <= LONGEST_HEADER
        table.add_row(name[:40], value.decode() if known else f"({len(value)} bytes)")
    table.add_row("body", f"{len(letter.body)} bytes")
    console().print(table)


async def _redrive(name: str, directory: Path | None, wanted: str | None) -> tuple[list[str], list[str]]:
    """Ids of the letters that are gone and of those that stay. Raises Unavailable, NotFound."""
    async with _engine(name, directory) as engine:
        letters = await engine.writing.store.dead_letters()
        chosen = letters if wanted is None else [_chosen(letters, wanted)]
        results = [(one.id, await engine.facts.redrive(one)) for one in chosen]
        return [one for one, gone in results if gone], [one for one, gone in results if not gone]


@contextlib.asynccontextmanager
async def _engine(name: str, directory: Path | None) -> AsyncIterator[Engine]:
    """The service's write path for a moment, as a writer of its own, whose epoch ends with a final checkpoint."""
    service, settings = declaration(name), settings_of(name, directory)
    writer = f"operator-{ids.new()}"
    metrics = Metrics()
    async with contextlib.AsyncExitStack() as stack:
        store: Store = store_of(service, settings)
        stack.callback(store.close)
        keyring = await stack.enter_async_context(keyring_of(settings))
        objects = await stack.enter_async_context(objects_of(settings, name))
        signing, keys = await keyring.signing_key(name), await keyring.public_keys()
        bus = ",".join(settings.bus)
        publisher = Publisher(bus, store, metrics, idempotence=settings.bus_idempotence, owner=writer)
        stack.push_async_callback(publisher.stop)
        await publisher.start()
        engine = Engine(Writing(service, store, publisher, signing, Epochs(writer), metrics), lambda: keys)
        yield engine
        await engine.checkpoints.keep(objects, final=True)
