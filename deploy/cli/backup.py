"""``recours backup`` and ``recours restore``: a platform of this machine, stopped, to a directory and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.confirmation import confirm
from deploy.cli.instants import shown
from deploy.cli.options import Yes
from deploy.embedded import backup as backups
from deploy.embedded.backup import PARTS, Part
from shared import clock
from shared.errors import NotFound

Here = Annotated[Path, typer.Option(help="Directory of the platform, which has to be stopped.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""

    @app.command("backup")
    def backup_(
        into: Annotated[Path, typer.Argument(help="A directory that is not there yet, best on another disk.")],
        data: Here = Path("var/up"),
    ) -> None:
        """Copy everything that a stopped platform keeps, each file with its digest.

        The copy opens every case: delete it within 30 days, or erased cases stay readable there.
        """
        console = Console(stderr=True, highlight=False)
        with console.status("Copying…") as status:
            manifest = backups.make(data, into, clock.now(), lambda files: status.update(f"Copying… {files} files"))
        files = sum(len(part) for part in manifest.parts.values())
        Console(highlight=False, soft_wrap=True).print(f"{files} files in {into}, as of {shown(manifest.made)}.")

    @app.command()
    def restore(
        source: Annotated[Path, typer.Argument(metavar="BACKUP", help="A directory that `recours backup` made.")],
        data: Here = Path("var/up"),
        only: Annotated[str, typer.Option(help=f"What goes back, comma separated: {', '.join(PARTS)}.")] = "all",
        yes: Yes = False,
    ) -> None:
        """Put a stopped platform's keyring, store and buckets back to an earlier time; the log stays where it is.

        At the next start services take back from the log what the backup lacks: their own events, and the erasures.
        The log is restored only where it is lost; then what came after the backup is lost too, erasures as well.
        """
        parts = _chosen(only)
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        with console.status("Checking the backup…"):
            manifest = backups.read(source, parts)
        what = f"{', '.join(parts)} in {data} will be as they were at {shown(manifest.made)}."
        confirm(what, yes=yes)
        with console.status("Restoring…"):
            lost = backups.restore(source, manifest, data, parts)
        out = Console(highlight=False, soft_wrap=True)
        out.print(what.replace("will be", "are"))
        if lost:
            out.print(
                "The log was not there, and was restored too: what came after the backup is lost. Carry out again the "
                "erasures that were certified since.",
            )
        out.print("Start the platform, then run `recours audit`.")


def _chosen(only: str) -> tuple[Part, ...]:
    if only == "all":
        return PARTS
    names = {name.strip() for name in only.split(",")}
    if unknown := sorted(names - set(PARTS)):
        raise NotFound(f"There is no part {unknown[0]!r}: choose among {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in names)
