"""``recours audit``: the log against the stores, each state against its facts; exit code 1 on any difference."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.audit.rendering import render
from deploy.audit.report import Report
from deploy.audit.run import BusLog, FileLog, Log, audit
from deploy.audit.sites import keyring_of, opened, public_keys, settings_directory, settings_of
from deploy.audit.stores import Source
from deploy.audit.tokens import SERVICE, Timestamps, chain_of
from deploy.cli.options import Data, Where
from deploy.embedded.files import write_atomically
from deploy.embedded.site import SERVICES
from shared.errors import NotFound, Refused
from shared.trust.keyring import OPERATOR


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command("audit")
    def command(
        log: Annotated[Path | None, typer.Option(help="A log.jsonl to read instead of the bus.")] = None,
        data: Data = None,
        settings: Where = None,
        keys: Annotated[Path | None, typer.Option(help="A service-keys.json instead of the keyring.")] = None,
        json: Annotated[
            Path | None, typer.Option(help="Where to write the report as JSON, over an earlier one.")
        ] = None,
        older: Annotated[bool, typer.Option("--older", help="The log file is older than the stores.")] = False,
        exhibits: Annotated[bool, typer.Option("--exhibits", help="Also hash every exhibit again.")] = False,
        services: Annotated[str, typer.Option(help="Services to audit, comma separated.")] = ",".join(SERVICES),
        show: Annotated[int, typer.Option(min=1, help="How many differences of each kind to name.")] = 20,
    ) -> None:
        """Compare the log with every store, fold every state again, and verify signatures, checkpoints and tokens.

        Settings come from --data, --settings or the environment. Services may be running.
        """
        if older and log is None:
            raise NotFound("--older is about a log file: name it with --log.")
        directory = settings_directory(data, settings)
        chosen = [name.strip() for name in services.split(",") if name.strip()]
        if not chosen:
            raise Refused("no-service", "An audit of nothing would say ok: name at least one service.")
        if json is not None:
            _can_be_written(json)
        report = asyncio.run(_audit(chosen, directory, log, keys, older=older, exhibits=exhibits, keep=show))
        if json is not None:
            write_atomically(json, report.model_dump_json(indent=2).encode() + b"\n")
        console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
        render(console, report)
        if report.result != "ok":
            raise typer.Exit(1)


def _can_be_written(report: Path) -> None:
    """Raises Refused, before the long work, for a place that is not there, or a file that is no earlier report."""
    if not report.parent.is_dir():
        raise Refused("no-directory", f"There is no directory {report.parent}: make it, or name another --json.")
    if report.exists():
        try:
            Report.model_validate_json(report.read_bytes())
        except (ValueError, OSError):
            message = f"{report} is there and is no report of an audit: name another --json, or delete it."
            raise Refused("no-report", message) from None


async def _audit(
    names: list[str],
    directory: Path | None,
    file: Path | None,
    keys: Path | None,
    *,
    older: bool,
    exhibits: bool,
    keep: int,
) -> Report:
    console = Console(stderr=True, highlight=False)
    async with contextlib.AsyncExitStack() as stack:
        sources = await stack.enter_async_context(opened(names, directory))
        log: Log = BusLog(",".join(settings_of(OPERATOR, directory).bus)) if file is None else FileLog(file, older)
        public = await public_keys(keys, directory)
        watches = {}
        for source in sources:
            if source.name == SERVICE:
                watches[SERVICE] = await _timestamps(source, stack, exhibits=exhibits)
        status = stack.enter_context(console.status("Auditing…"))
        report = await audit(
            sources,
            log,
            public,
            watches=watches,
            keep=keep,
            progress=lambda what, count: status.update(f"Auditing: {what} {count or ''}"),
        )
    return report  # noqa: RET504 - by its type the stack could swallow an error


async def _timestamps(source: Source, stack: contextlib.AsyncExitStack, *, exhibits: bool) -> Timestamps:
    keyring = await stack.enter_async_context(keyring_of(source.settings))
    return Timestamps(source, keyring, chain_of(source.settings.tsa_chain), exhibits=exhibits)
