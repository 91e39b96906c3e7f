"""``recours``: the one program of operators. ``python -m deploy.cli.main`` is the same."""

from __future__ import annotations

import sys

import click
import typer
from rich.console import Console

from shared.errors import RecoursError

from . import audit, config, dead_letters, demo, refold, republish, run, staff, topics, up

app = typer.Typer(
    name="recours",
    help="Runs and checks recours.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, run, config, demo, audit, dead_letters, refold, republish, topics, staff):
    command.register(app)


def main() -> None:
    """Runs the command line; an expected error is one sentence on stderr and exit code 1."""
    try:
        app()
    except RecoursError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), style="red", markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)


if __name__ == "__main__":
    main()
