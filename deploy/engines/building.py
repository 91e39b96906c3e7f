"""Building programs by Go, which checks every module against its checksum database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from shared.errors import Refused, Unavailable

from .table import INSTALLED, Built


def build(engine: Built) -> None:
    """Builds the program of exactly that version and puts it into its place.

    Raises:
        Refused: Go is missing.
        Unavailable: it could not be fetched or built; Go's last words are in the message.
    """
    go = shutil.which("go")
    if go is None:
        raise Refused("tool-missing", f"{engine.name} is built by Go, and there is no go here: install Go 1.26.")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTALLED, prefix=".building-") as fresh:
        if engine.source is None:
            package = f"{engine.module}/{engine.package}".removesuffix("/.")
            _go(engine, (go, "install", f"{package}@{engine.version}"), Path(fresh))
        else:
            shutil.copy(engine.source, Path(fresh, "main.go"))
            Path(fresh, "go.mod").write_text(
                f"module {engine.name}\n\ngo 1.26\n\nrequire {engine.module} {engine.version}\n"
            )
            _go(engine, (go, "build", "-mod=mod", "-o", engine.name, "."), Path(fresh))
        engine.program.parent.mkdir(exist_ok=True)
        Path(fresh, engine.name).rename(engine.program)


def _go(engine: Built, command: tuple[str, ...], directory: Path) -> None:
    environment = {**os.environ, "GOBIN": str(directory), "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        end = "\n".join(done.stdout.strip().splitlines()[-10:])
        raise Unavailable(f"Go could not build {engine.name} {engine.version}:\n{end}")
