"""``recours republish SERVICE``: the event store's bytes to the bus again, for a bus that lost some of its log."""

from __future__ import annotations

import asyncio
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from deploy.audit.sites import declaration, settings_directory, settings_of, store_of
from deploy.audit.sorting import Sorter
from deploy.cli.options import Data, Where
from deploy.embedded.site import SERVICES
from shared import ids
from shared.runtime.documents import message_of
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher

BATCH = 200


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def republish(
        service: Annotated[str, typer.Argument(help=f"Whose events: {', '.join(SERVICES)}.")],
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Publish every stored event again, with the same id and bytes, which inboxes take as the duplicate it is.

        What was cut off by a broken connection may simply be repeated.
        """
        directory = settings_directory(data, settings)
        with Console(stderr=True, highlight=False).status("Reading…") as status:
            count = asyncio.run(_republish(service, directory, status))
        Console(highlight=False).print(f"{count} events of {service} published again.")


async def _republish(name: str, directory: Path | None, status: Status) -> int:
    """Each aggregate's events in sequence order, one batch acknowledged before the next. Raises Unavailable."""
    service, settings = declaration(name), settings_of(name, directory)
    store = store_of(service, settings)
    bus, owner = ",".join(settings.bus), f"republish-{ids.new()}"
    publisher = Publisher(bus, store, Metrics(), idempotence=settings.bus_idempotence, owner=owner)
    sent = 0
    try:
        with TemporaryDirectory(prefix="recours-republish-") as temporary:
            ordered = Sorter(Path(temporary), "events")
            async for document in store.scan("events"):
                ordered.add((document["time"].isoformat(), document["aggregate"], document["sequence"]), document)
            numbered = ((number // BATCH, row) for number, row in enumerate(ordered.rows()))
            for _, batch in groupby(numbered, key=lambda pair: pair[0]):
                messages = [message_of(document) for _, (_, document) in batch]
                await publisher.send(messages)
                sent += len(messages)
                status.update(f"Publishing… {sent}")
    finally:
        await publisher.stop()
        store.close()
    return sent
