"""Fetching jars by Maven: all or nothing, and each is the one that was chosen."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.errors import Refused, Unavailable

from .table import INSTALLED, Fetched

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>recours</groupId>
  <artifactId>engines</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
_DEPENDENCY = "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def fetch(engine: Fetched) -> None:
    """Fetches the jars, checks each against its SHA-256, and puts them into the engine's directory.

    Raises:
        Refused: Maven is missing; a file is another than the one that was chosen, or too much, or absent.
        Unavailable: Maven failed; its last words are in the message.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise Refused("tool-missing", f"{engine.name} is fetched by Maven, and there is no mvn here: install maven.")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTALLED, prefix=".fetching-") as fresh:
        pom, into = Path(fresh, "pom.xml"), Path(fresh, "jars")
        pom.write_text(_POM.format(dependencies="\n".join(_DEPENDENCY.format(*one) for one in engine.artefacts)))
        command = (maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={into}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"Maven could not fetch {engine.name} {engine.version}:\n{_end(done.stdout)}")
        check(engine, into)
        into.rename(engine.directory)


def check(engine: Fetched, directory: Path) -> None:
    """Compares every file with the sum that is known of it. Raises Refused, naming the files that differ."""
    wanted = dict(_sums(engine))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        raise Refused(
            "engine-altered",
            f"{', '.join(wrong)} of {engine.name} {engine.version}: not as {engine.sums.name} says. "
            f"Remove {directory} and run make engines; if it stays so, what is fetched was altered: do not use it.",
        )


def _sums(engine: Fetched) -> Iterator[tuple[str, str]]:
    for line in engine.sums.read_text().splitlines():
        digest, _, name = line.partition("  ")
        yield name, digest


def _end(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-10:])
