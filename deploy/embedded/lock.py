"""One supervisor per data directory: a lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from pathlib import Path

from shared.errors import Refused


def take(data: Path) -> int:
    """Takes the directory's lock and returns its descriptor; closing it gives the lock back.

    Raises:
        Refused: another supervisor runs on this directory.
    """
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode() or "unknown"
        os.close(descriptor)
        message = f"A platform already runs on {data} (process {holder}): stop it, or give another --data."
        raise Refused("already-running", message, conflict=True) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def born(pid: int) -> int:
    """When a process began, in clock ticks since boot, which tells it from a later one of the same id; 0: none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def outlive(platform_file: Path, seconds: float = 10) -> None:
    """Waits until the children of a dead supervisor are gone: they hold its ports and files. Blocks.

    The kernel kills them with their supervisor; one that is still there after half of ``seconds`` is killed here.
    """
    try:
        children = json.loads(platform_file.read_text())["children"].values()
    except (FileNotFoundError, KeyError, ValueError):
        return
    left = {child["pid"]: child["born"] for child in children if child["pid"]}
    began = time.monotonic()
    while left := {pid: birth for pid, birth in left.items() if born(pid) == birth}:
        waited = time.monotonic() - began
        if waited > seconds:
            raise Refused("children-left", f"Processes of an earlier start do not end: {sorted(left)}. End them first.")
        if waited > seconds / 2:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
