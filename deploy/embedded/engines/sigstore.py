"""Sigstore's timestamp authority, which signs with a key and certificates of ours (not qualified)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.engines.parties import keep_chain
from deploy.embedded.files import write_atomically
from deploy.embedded.ports import HOST
from deploy.embedded.site import Site
from deploy.embedded.timestamp_certificates import (
    LEAF_RENEWED_BEFORE,
    certified,
    leaf_certificate,
    root_certificate,
)
from deploy.engines.table import TIMESTAMPS, program


def sigstore(site: Site) -> Child:
    """The authority. ``prepare`` makes its key and certificates the first time; ``arrange`` keeps its chain."""
    home = site.directory("tsa")
    environment = site.process_environment()
    return Child(
        name="tsa",
        what=f"Sigstore timestamp authority {TIMESTAMPS.version}, not qualified",
        command=(
            *(str(program(TIMESTAMPS)), "-host", HOST, "-port", str(site.ports["tsa"])),
            *("-key", str(home / "leaf.pem"), "-chain", str(home / "chain.pem")),
        ),
        address=site.url("tsa"),
        answers=lambda: probes.http(f"{site.url('tsa')}/ping"),
        environment=lambda: environment,
        prepare=lambda: asyncio.to_thread(_certify, home),
        arrange=lambda: keep_chain(site),
    )


def _certify(home: Path) -> None:
    root_key, root = certified(home, "root", root_certificate)
    _, leaf = certified(
        home, "leaf", lambda key: leaf_certificate(key, root_key, root), renewed_before=LEAF_RENEWED_BEFORE
    )
    write_atomically(home / "chain.pem", b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, root)))
