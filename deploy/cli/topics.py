"""``recours topics``: make the topics, or keep the log in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.audit.sites import settings_directory, settings_of
from shared.contracts.catalogue import topics
from shared.runtime.archive import read_bus, write_file
from shared.runtime.messages import Arrival
from shared.runtime.topics import apply_topics
from shared.trust.keyring import OPERATOR

Data = Annotated[Path | None, typer.Option(help="Directory of a platform of this machine.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Makes the bus's topics, exports the log.", no_args_is_help=True)
    app.add_typer(group, name="topics")

    @group.command()
    def apply(data: Data = None) -> None:
        """Make the topics that are not there; repeat it at any time."""
        settings = settings_of(OPERATOR, settings_directory(data, None))
        made = asyncio.run(apply_topics(",".join(settings.bus), topics(), settings.partitions, settings.replication))
        Console(highlight=False).print(f"{len(made)} topics made, {len(topics()) - len(made)} were there.")

    @group.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Where to write it, such as log.jsonl.")], data: Data = None
    ) -> None:
        """Write the whole log, one record a line as it is on the bus: the archive that `recours audit --log` reads."""
        bus = ",".join(settings_of(OPERATOR, settings_directory(data, None)).bus)
        with Console(stderr=True).status("Exporting…") as status:
            count = asyncio.run(write_file(file, _told(read_bus(bus, topics()), status.update)))
        Console(highlight=False, soft_wrap=True).print(f"{count} records in {file}", markup=False)


async def _told(records: AsyncIterator[Arrival], tell: object) -> AsyncIterator[Arrival]:
    count = 0
    async for record in records:
        count += 1
        if count % 500 == 0 and callable(tell):
            tell(f"Exporting… {count}")
        yield record
