"""Small files that survive a crash: whole or not at all, private to the user."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replaces ``path`` by ``content``, synced to disk; a reader or a crash sees the old file or the new one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_directory(path: Path) -> Path:
    """``path``, made when it is absent, readable by this user alone."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def kept_secret(path: Path, drawn: bytes) -> bytes:
    """The secret kept in ``path``; the first time ``drawn`` is written there (0600) and returned."""
    if not path.exists():
        write_atomically(path, drawn)
    return path.read_bytes()
