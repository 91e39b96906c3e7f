"""``recours``: the one program of operators. ``python -m deploy.cli.main`` is the same."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
import typer
from rich.console import Console

from shared.errors import RecoursError

from . import (
    audit,
    backup,
    config,
    dead_letters,
    demo,
    keyring,
    keys,
    partners,
    receipts,
    refold,
    republish,
    run,
    staff,
    topics,
    up,
)

app = typer.Typer(
    name="recours",
    help="Runs, checks and looks after recours.",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(up, demo, run, config, refold, republish, audit, backup),
    *(topics, dead_letters, keyring, keys, staff, partners, receipts),
):
    command.register(app)


def main() -> None:
    """Runs the command line; an expected error is one sentence on stderr and exit code 1."""
    try:
        app()
    except RecoursError as error:
        _complain(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _complain(f"{error.filename}: {error.strerror}. Check the path and who may use it.")
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)


def _complain(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, style="red", markup=False)
    sys.exit(1)


if __name__ == "__main__":
    main()
