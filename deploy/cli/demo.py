"""``recours demo``: one whole case on an embedded platform of its own, audited, with its folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from deploy.cli.confirmation import confirm
from deploy.cli.options import Engines, Yes
from deploy.demo import folder
from deploy.demo.client import Failed
from deploy.demo.exhibits import sample_exhibits
from deploy.demo.rest import rest
from deploy.demo.story import Story
from deploy.embedded import lock
from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engine_sets import EMBEDDED, named
from deploy.embedded.files import private_directory
from deploy.embedded.supervisor import Platform
from shared import clock, logs
from shared.errors import Refused

DAYS_AGO = 14
"""How long before today the fictional affair begins: its press limits are alive, and its acts lie in the past."""
NAMES = frozenset(
    {
        *("platform", "exhibits", "receipts", "mails", "tsa-chain.pem", "service-keys.json", "log.jsonl"),
        *("complaint.pdf", "invoice.pdf", "hearing.ics", "audit.json", "summary.json"),
    }
)
"""What a demonstration leaves in its folder, and nothing else."""
STOPPING = timedelta(minutes=2)
"""The longest that a platform takes to stop."""


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def demo(
        into: Annotated[Path, typer.Option(help="Folder to write; an earlier demonstration in it is replaced.")] = Path(
            "var/demo"
        ),
        engines: Engines = EMBEDDED.name,
        yes: Yes = False,
    ) -> None:
        """Play one whole case, from its opening to the judgment, on a platform of its own; audit it; write it down."""
        chosen = named(engines)
        _emptied(into, yes=yes)
        asyncio.run(_demo(into, chosen))


async def _demo(into: Path, engines: EngineSet) -> None:
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    platform_directory = into / "platform"
    with (private_directory(platform_directory) / "supervisor.log").open("a") as log:
        logs.configure("demo", stream=log)
        console.print(f"Starting the platform on {engines.name} engines…")
        async with (
            Platform(platform_directory, engines=engines) as platform,
            httpx.AsyncClient(base_url=platform.origin, timeout=60) as http,
        ):
            story = Story(platform, http, lambda line: console.print(f"  {line}", markup=False))
            story.played.seconds["platform started"] = round(time.monotonic() - began, 3)
            await play(story)
            async with story.step("all read, services stopped, last checkpoints said"):
                await rest(platform)
                await platform.stop_services()
            records = await folder.write(into, platform, story.played)
            async with story.step("audited by replay"):
                await _audited(platform_directory, into / "audit.json")
            folder.summarise(into, story.played, records)
    console.print(f"Done in {time.monotonic() - began:.0f} s: {records} records in {into / 'log.jsonl'}.", markup=False)
    console.print(f"Everything is in {into}; audit.json says ok.", markup=False)


async def play(story: Story) -> None:
    """Every step of the story, in order. Raises Failed on the first that does not come out as it must."""
    first_day = clock.paris_day(clock.now()) - timedelta(days=DAYS_AGO)
    exhibits = await asyncio.to_thread(sample_exhibits, first_day)
    async with story.step("team enrolled, insurer registered"):
        await story.staff_the_house()
    async with story.step("case opened by a guardian, authority and identity checked"):
        await story.open(first_day)
    async with story.step("six exhibits deposited"):
        await story.deposit(exhibits)
    async with story.step("six exhibits timestamped and taken away again"):
        await story.timestamped()
    async with story.step("insurer asked, answer signed and confirmed"):
        await story.fund()
    async with story.step("diagnosed"):
        await story.diagnose()
    async with story.step("complaint drafted and approved"):
        await story.complain()
    async with story.step("80 euros asked for and paid, invoice issued"):
        await story.pay()
    async with story.step("complaint filed, registered, prosecuted"):
        await story.file()
    async with story.step("hearing scheduled, moved, held; judgment given"):
        await story.hear()
    async with story.step("costs recovered"):
        await story.recover()
    async with story.step("receipts kept"):
        await story.keep_receipts()
    async with story.step("another case erased"):
        await story.erase_another(first_day)


def _emptied(into: Path, *, yes: bool) -> None:
    """An empty folder in the place of an earlier demonstration.

    Raises Refused, nothing being deleted, for a folder with anything else in it, a platform that runs, or one that was
    started again since and that nobody confirms to be worthless.
    """
    if into.exists() and not into.is_dir():
        raise Refused("not-a-demo", f"{into} is a file: choose a folder.")
    there = {one.name for one in into.iterdir()} if into.exists() else set()
    if there:
        if not (into / "platform" / "supervisor.log").is_file() or not there <= NAMES:
            raise Refused("not-a-demo", f"{into} holds something else than a demonstration: choose another folder.")
        os.close(lock.take(into / "platform"))
        if _used_since(into):
            confirm(f"The platform in {into} was started again: what was entered there since will be lost.", yes=yes)
        shutil.rmtree(into)
    into.mkdir(parents=True, exist_ok=True)


def _used_since(into: Path) -> bool:
    """Whether the platform ran again after the demonstration, whose summary is its last file but the stop's own."""
    summary, states = into / "summary.json", into / "platform" / "platform.json"
    return (
        summary.exists()
        and states.exists()
        and states.stat().st_mtime > summary.stat().st_mtime + STOPPING.total_seconds()
    )


async def _audited(platform: Path, report: Path) -> None:
    """Run the audit as an operator would. Raises Failed with what it printed when it finds a difference."""
    command = ("-m", "deploy.cli.main", "audit", "--data", str(platform), "--json", str(report))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise Failed(f"The audit found differences:\n{printed.decode(errors='replace')}")
