"""``recours config``: every setting of this environment, with its meaning; secrets stay hidden."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from deploy.audit.sites import declaration
from deploy.embedded.site import SERVICES
from shared.settings import Described, describe, read, read_as


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def config() -> None:
        """Show every RECOURS_ variable, those of all services and those of one: its value here and its meaning."""
        table = Table("variable", "value", "meaning", box=None, pad_edge=False)
        for line in (*describe(read()), *_own()):
            table.add_row(line.name, line.value, line.meaning)
        Console(width=None if Console().is_terminal else 200).print(table, markup=False)


def _own() -> list[Described]:
    return [
        line._replace(meaning=f"{service}: {line.meaning}")
        for service in SERVICES
        for model in declaration(service).settings
        for line in describe(read_as(model))
    ]
