"""Ports on loopback: free ones are chosen once, kept in the data directory and used again at the next start."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from pathlib import Path

from shared.errors import Refused

from .files import write_atomically

HOST = "127.0.0.1"


def choose(kept_in: Path, names: Iterable[str], fixed: dict[str, int] | None = None) -> dict[str, int]:
    """A free port for each of ``names``: the fixed one, else the kept one if it is still free, else a new one.

    Raises:
        Refused: a fixed port is taken.
    """
    kept: dict[str, int] = json.loads(kept_in.read_text()) if kept_in.exists() else {}
    chosen: dict[str, int] = {}
    fixed = fixed or {}
    for name in names:
        wanted = fixed.get(name, kept.get(name, 0))
        if wanted and wanted not in chosen.values() and is_free(wanted):
            chosen[name] = wanted
        elif name in fixed:
            raise Refused("port-taken", f"Port {wanted} is taken: stop what uses it or give another --port.")
        else:
            chosen[name] = _any({*chosen.values(), *kept.values()})
    write_atomically(kept_in, json.dumps({**kept, **chosen}, indent=1).encode())
    return chosen


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of loopback now (a port in TIME_WAIT counts as free)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any(but: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in but:
            return port
