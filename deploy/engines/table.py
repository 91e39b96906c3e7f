"""Which engines, in which versions, and where they lie once installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.embedded.site import ROOT
from shared.errors import Refused

INSTALLED: Final = ROOT / "build" / "engines"


@dataclass(frozen=True)
class Built:
    """A program that Go builds: ``package`` of ``module`` at ``version``, whose content Go's checksum database knows.

    ``source``: a file of ours that is the program's main, in the place of the module's own.
    """

    name: str
    module: str
    version: str
    package: str = "."
    source: Path | None = None

    @property
    def program(self) -> Path:
        """Where the program lies once it is built; another version lies elsewhere."""
        return INSTALLED / f"{self.name}-{self.version}" / self.name


@dataclass(frozen=True)
class Fetched:
    """What Maven fetches, with all that it needs; each file is checked against ``sums`` (lines of ``sha256sum``)."""

    name: str
    artefacts: tuple[tuple[str, str, str], ...]
    sums: Path

    @property
    def version(self) -> str:
        return self.artefacts[0][2]

    @property
    def directory(self) -> Path:
        """Where the files lie once they are fetched and checked."""
        return INSTALLED / f"{self.name}-{self.version}"


KAFKA: Final = Fetched(
    name="kafka",
    artefacts=(("org.apache.kafka", "kafka_2.13", "4.1.0"), ("org.slf4j", "slf4j-simple", "1.7.36")),
    sums=Path(__file__).with_name("kafka.sha256.txt"),
)
MINIO: Final = Built(
    name="minio",
    # Its last state: it is archived upstream.
    module="github.com/minio/minio",
    version="v0.0.0-20260212201848-7aac2a2c5b7c",
)
TIMESTAMPS: Final = Built(
    name="timestamp-server",
    module="github.com/sigstore/timestamp-authority/v2",
    version="v2.1.3",
    # Its own main also opens *:2112 for metrics, whatever one says: on all addresses, and once per machine.
    source=Path(__file__).with_name("authority") / "main.go",
)
BUILT: Final = (TIMESTAMPS, MINIO)


def program(engine: Built) -> Path:
    """Path of a built program. Raises Refused when it is not installed."""
    if not engine.program.exists():
        raise Refused("engine-missing", f"{engine.name} {engine.version} is not installed: run make engines.")
    return engine.program


def jars(engine: Fetched) -> Path:
    """Directory of an engine's jars. Raises Refused when it is not installed."""
    if not engine.directory.is_dir():
        raise Refused("engine-missing", f"{engine.name} {engine.version} is not installed: run make engines.")
    return engine.directory
