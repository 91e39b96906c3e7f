"""The two choices of engines: the embedded ones, which pip installs; and those of a real deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from shared.errors import NotFound, Refused

from .engine_set import EngineSet
from .engines.bus import bus
from .engines.kafka import kafka
from .engines.keyring import keyring
from .engines.minio import minio
from .engines.objects import objects
from .engines.parties import gateway, mail, payment, tsa
from .engines.sigstore import sigstore
from .engines.store import store
from .files import write_atomically
from .site import Site

EMBEDDED: Final = EngineSet(
    name="embedded",
    makers={
        "objects": objects,
        "bus": bus,
        "store": store,
        "keyring": keyring,
        "tsa": tsa,
        "mail": mail,
        "payment": payment,
        "gateway": gateway,
    },
    bus_idempotence=False,
    object_users=False,
    stamps_at="",
    chain_at="/chain.pem",
    further_ports=("keyring-cluster",),
)
REAL: Final = EngineSet(
    name="real",
    makers={**EMBEDDED.makers, "objects": minio, "bus": kafka, "tsa": sigstore},
    bus_idempotence=True,
    object_users=True,
    stamps_at="/api/v1/timestamp",
    chain_at="/api/v1/timestamp/certchain",
    further_ports=("keyring-cluster", "bus-controller"),
    replicas={"evidence": 2, "legal": 2},
)
SETS: Final = {one.name: one for one in (EMBEDDED, REAL)}


def named(name: str) -> EngineSet:
    """The engine set of that name. Raises NotFound."""
    if name not in SETS:
        raise NotFound(f"There are no engines {name!r}: choose one of {', '.join(SETS)}.")
    return SETS[name]


def keep(data: Path, engines: EngineSet) -> None:
    """Notes in a data directory on which engines it runs: what one set keeps another cannot read.

    Raises:
        Refused: the directory is of other engines.
    """
    there = kept(data)
    if there is not None and there is not engines:
        raise Refused(
            "other-engines",
            f"{data} is a platform on {there.name} engines: give --engines {there.name}, or another --data.",
        )
    write_atomically(_file(data), engines.name.encode())


def kept(data: Path) -> EngineSet | None:
    """The engines that a data directory runs on; None when no platform was there."""
    if _file(data).exists():
        return named(_file(data).read_text())
    # Directories from before there was a choice.
    return EMBEDDED if (data / "ports.json").exists() else None


def site_of(data: Path) -> Site:
    """The site of a platform that another process runs, without its keyring tokens. Raises NotFound where none is."""
    engines = kept(data)
    if engines is None:
        raise NotFound(f"No platform was ever started in {data}.")
    return Site(data.resolve(), json.loads((data / "ports.json").read_text()), engines)


def _file(data: Path) -> Path:
    return data / "engines"
