"""Asking before something is done that cannot be undone."""

from __future__ import annotations

import sys

import typer

from shared.errors import Refused


def confirm(what: str, *, yes: bool) -> None:
    """Return if the operator wants ``what``, a sentence that says what will be so: by ``--yes``, or asked just now.

    Raises Refused, nothing being changed, when the answer is no, or when nobody is there to be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("not-confirmed", f"Nothing was changed. With --yes: {what}")
    typer.echo(what, err=True)
    if not typer.confirm("Do it?", err=True):
        raise Refused("not-confirmed", "Nothing was changed.")
