"""``recours topics``: make the topics, or keep the log in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.audit.sites import settings_directory, settings_of
from deploy.cli.confirmation import confirm
from deploy.cli.options import Data, Where, Yes
from shared.contracts.catalogue import topics
from shared.runtime.archive import BusReading, write_file
from shared.runtime.messages import Arrival
from shared.runtime.topics import apply_topics
from shared.trust.keyring import OPERATOR


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Makes the bus's topics, exports the log.", no_args_is_help=True)
    app.add_typer(group, name="topics")

    @group.command()
    def apply(data: Data = None, settings: Where = None) -> None:
        """Make the topics that are not there; repeat it at any time."""
        site = settings_of(OPERATOR, settings_directory(data, settings))
        made = asyncio.run(apply_topics(",".join(site.bus), topics(), site.partitions, site.replication))
        Console(highlight=False).print(f"{len(made)} topics made, {len(topics()) - len(made)} were there.")

    @group.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Where to write it, such as log.jsonl.")],
        yes: Yes = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Write the whole log, one record a line as it is on the bus: the archive that `recours audit --log` reads."""
        bus = ",".join(settings_of(OPERATOR, settings_directory(data, settings)).bus)
        if file.exists():
            confirm(f"{file} is there, and will be replaced: it may be the only archive of what the bus lost.", yes=yes)
        with Console(stderr=True).status("Exporting…") as status:
            count = asyncio.run(write_file(file, _told(BusReading(bus, topics()), status.update)))
        Console(highlight=False, soft_wrap=True).print(f"{count} records in {file}", markup=False)


async def _told(records: AsyncIterable[Arrival], tell: object) -> AsyncIterator[Arrival]:
    count = 0
    async for record in records:
        count += 1
        if count % 500 == 0 and callable(tell):
            tell(f"Exporting… {count}")
        yield record
