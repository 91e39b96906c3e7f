"""Options that several commands share, each with one name and one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Data: TypeAlias = Annotated[Path | None, typer.Option(help="Directory of a platform of this machine.")]
Where: TypeAlias = Annotated[
    Path | None, typer.Option("--settings", help="Directory with a SERVICE.env for each service, and operator.env.")
]
Engines: TypeAlias = Annotated[
    str, typer.Option(help="embedded (installed with recours), or real: Kafka, MinIO, Sigstore (make engines).")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
TokenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="File with a token of the keyring's administrator; - reads it from standard input."),
]
Address: TypeAlias = Annotated[
    str | None, typer.Option(help="Base address of OpenBao or Vault; otherwise RECOURS_KEYRING.")
]
