"""``recours demo``: one whole case on an embedded platform of its own, audited, with its folder."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from deploy.demo import folder
from deploy.demo.client import Failed
from deploy.demo.exhibits import sample_exhibits
from deploy.demo.story import Story
from deploy.embedded.files import private_directory
from deploy.embedded.supervisor import Platform
from shared import clock, logs
from shared.errors import Refused

DAYS_AGO = 14
"""How long before today the fictional affair begins: its press limits are alive, and its acts lie in the past."""


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def demo(
        into: Annotated[Path, typer.Option(help="Folder to write; made anew.")] = Path("var/demo"),
    ) -> None:
        """Play one whole case, from its opening to the judgment, on a platform of its own; audit it; write it down."""
        asyncio.run(_demo(into))


async def _demo(into: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    _emptied(into)
    platform_directory = into / "platform"
    with (private_directory(platform_directory) / "supervisor.log").open("a") as log:
        logs.configure("demo", stream=log)
        console.print("Starting the embedded platform…")
        async with (
            Platform(platform_directory) as platform,
            httpx.AsyncClient(base_url=platform.origin, timeout=60) as http,
        ):
            story = Story(platform, http, lambda line: console.print(f"  {line}", markup=False))
            story.played.seconds["platform started"] = round(time.monotonic() - began, 3)
            await play(story)
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


def _emptied(into: Path) -> None:
    """An empty folder in the place of an earlier demonstration. Raises Refused for a folder that is something else."""
    if into.exists() and any(into.iterdir()):
        if not (into / "platform").is_dir():
            raise Refused("not-a-demo", f"{into} holds something else than a demonstration: choose another folder.")
        shutil.rmtree(into)
    into.mkdir(parents=True, exist_ok=True)


async def _audited(platform: Path, report: Path) -> None:
    """Run the audit as an operator would. Raises Failed with what it printed when it finds a difference."""
    command = ("-m", "deploy.cli.main", "audit", "--data", str(platform), "--json", str(report))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise Failed(f"The audit found differences:\n{printed.decode(errors='replace')}")
