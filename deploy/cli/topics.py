"""``recours topics``: make the topics as they are declared, or keep the log in a file."""

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
from shared.runtime.topics import apply_topics, change_topics, differences, table
from shared.settings import Settings
from shared.trust.keyring import OPERATOR


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Makes the bus's topics, exports the log.", no_args_is_help=True)
    app.add_typer(group, name="topics")

    @group.command()
    def apply(
        change: Annotated[
            bool, typer.Option("--change", help="Change settings that differ; never partitions.")
        ] = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Make the topics that are not there and say in what the others differ; repeat it at any time."""
        asyncio.run(_apply(settings_of(OPERATOR, settings_directory(data, settings)), change=change))

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


async def _apply(site: Settings, *, change: bool) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    bus, wanted = ",".join(site.bus), table(topics(), site.partitions, site.replication)
    made = await apply_topics(bus, topics(), site.partitions, site.replication)
    console.print(f"{len(made)} topics made, {len(wanted) - len(made)} were there.")
    for one in await change_topics(bus, wanted) if change else []:
        console.print(f"{one.topic}: {one.what} was {one.there or 'not set'}, is {one.wanted} now.")
    left = await differences(bus, wanted)
    for one in left:
        console.print(f"{one.topic}: {one.what} is {one.there or 'not set'}, should be {one.wanted}.")
    if any(one.alterable for one in left):
        console.print("Settings that differ are changed by --change.")
    if not all(one.alterable for one in left):
        console.print("Copies are changed by the broker's own tool (kafka-reassign-partitions), not from here.")


async def _told(records: AsyncIterable[Arrival], tell: object) -> AsyncIterator[Arrival]:
    count = 0
    async for record in records:
        count += 1
        if count % 500 == 0 and callable(tell):
            tell(f"Exporting… {count}")
        yield record
