"""``recours config``: every setting of this environment, with its meaning; secrets stay hidden."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from shared.settings import describe, read


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def config() -> None:
        """Show every RECOURS_ variable: its value here and its meaning."""
        table = Table("variable", "value", "meaning", box=None, pad_edge=False)
        for line in describe(read()):
            table.add_row(line.name, line.value, line.meaning)
        Console(width=None if Console().is_terminal else 200).print(table, markup=False)
