"""The backup of a platform that is stopped: a copy of what it keeps, with digests, and the way back.

Keyring, store and buckets may each go back to an earlier time, together or alone. The log may not, nor may what lies
with others (mails that left, payments, tokens of the authority): these are restored only where they are lost. What the
backup lacks, services take from the log when they start (docs/adr/0012, 0013).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from deploy.embedded import engine_sets, lock
from deploy.embedded.engine_sets import REAL
from deploy.embedded.files import private_directory, sync_directory, write_atomically
from deploy.embedded.site import BUCKET_OF_THE_BUS
from shared.errors import BrokenContract, NotFound, Refused

Part = Literal["keyring", "store", "objects", "kept"]
PARTS: Final[tuple[Part, ...]] = ("keyring", "store", "objects")
"""What may go back to an earlier time."""
_KEYRING = ("raft", "master.key", "recovery-key", "root-token")
_KEPT = ("engines", "ports.json", "tsa", "tsa-chain.pem", "payment", "mails", "keyring/audit.jsonl")


class Manifest(BaseModel):
    """``made``: when; ``engines``: of which set; ``parts``: SHA-256 (hex) of each file, by its path from the root."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made: AwareDatetime
    engines: str
    parts: dict[Part, dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]]


def make(data: Path, into: Path, at: datetime, told: Callable[[int], None]) -> Manifest:
    """Copy the platform in ``data`` to the directory ``into``, which appears once it is whole. Blocks.

    ``told`` hears how many files there are so far.

    Raises:
        NotFound: no platform was ever there. Refused: it runs, or ``into`` is there already.
    """
    engines = engine_sets.kept(data)
    if engines is None:
        raise NotFound(f"No platform was ever started in {data}.")
    if into.exists():
        raise Refused("backup-exists", f"{into} is there already: name a directory that is not.")
    fresh = into.with_name(f".{into.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    private_directory(fresh)
    held = _stopped(data)
    try:
        found: dict[Part, dict[str, str]] = {}
        count = 0
        for part in (*PARTS, "kept"):
            files = found.setdefault(part, {})
            for unit in _units(data, part):
                for file, digest in _copied(data, fresh, unit):
                    files[file] = digest
                    count += 1
                    told(count)
        manifest = Manifest(made=at, engines=engines.name, parts=found)
        write_atomically(_manifest(fresh), manifest.model_dump_json(indent=1).encode())
        os.sync()
        fresh.rename(into)
        sync_directory(into.parent)
    finally:
        os.close(held)
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def read(backup: Path, parts: Iterable[Part]) -> Manifest:
    """The manifest, once these parts and what restores the rest were compared with their digests. Blocks.

    Raises:
        NotFound: no backup there. BrokenContract: it is damaged; nothing of it may be used.
    """
    try:
        manifest = Manifest.model_validate_json(_manifest(backup).read_bytes())
    except FileNotFoundError:
        raise NotFound(f"{backup} holds no backup: name the directory that `recours backup` made.") from None
    except ValidationError:
        raise BrokenContract(f"The manifest in {backup} is damaged: take another backup.") from None
    for part in (*parts, "kept"):
        for name, digest in manifest.parts[part].items():
            file = backup / name
            if not file.is_file() or _digest(file) != digest:
                raise BrokenContract(f"{file} is not what was backed up: take another backup, or other parts.")
    return manifest


def restore(backup: Path, manifest: Manifest, data: Path, parts: Iterable[Part]) -> bool:
    """Put these parts back, and what is not there at all; gives whether the log was restored too. Blocks.

    Cut off in between it may be repeated: any part may be of another time than the others.

    Raises:
        Refused: the platform runs, or is on other engines.
    """
    private_directory(data)
    held = _stopped(data)
    try:
        there = engine_sets.kept(data)
        if there is not None and there.name != manifest.engines:
            raise Refused("other-engines", f"{data} runs on {there.name} engines, the backup is of {manifest.engines}.")
        lost = not any((data / unit).exists() for unit in _log(backup))
        for part in parts:
            for unit in _units(backup, part):
                _put_back(backup, data, unit)
        for unit in _units(backup, "kept"):
            if not (data / unit).exists():
                _put_back(backup, data, unit)
        os.sync()
    finally:
        os.close(held)
    return lost


def _stopped(data: Path) -> int:
    held = lock.take(data)
    lock.outlive(data / "platform.json")
    return held


def _units(root: Path, part: Part) -> list[str]:
    """The files and directories of a part that are put back as one, by their paths from the root."""
    match part:
        case "keyring":
            found = [f"keyring/{name}" for name in _KEYRING]
        case "store":
            found = ["store"]
        case "objects" if _is_real(root):
            found = ["objects"]
        case "objects":
            found = ["objects/state", *(one for one in _buckets(root) if not one.endswith(f"/{BUCKET_OF_THE_BUS}"))]
        case _:
            found = [*_KEPT, *_log(root)]
    return [one for one in found if (root / one).exists()]


def _log(root: Path) -> list[str]:
    """Where the bus keeps its log: its own directory, or a bucket of the embedded object server."""
    return ["bus"] if _is_real(root) else [one for one in _buckets(root) if one.endswith(f"/{BUCKET_OF_THE_BUS}")]


def _buckets(root: Path) -> list[str]:
    return sorted(str(one.relative_to(root)) for one in (root / "objects" / "data").glob("*/*"))


def _is_real(root: Path) -> bool:
    return engine_sets.kept(root) is REAL


def _copied(source: Path, target: Path, unit: str) -> Iterator[tuple[str, str]]:
    """Copy a file, or a directory and all in it, with modes; gives each file and its digest."""
    found = source / unit
    for one in [found, *sorted(found.rglob("*"))] if found.is_dir() else [found]:
        name = str(one.relative_to(source))
        copy = target / name
        if one.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif one.is_file() and not one.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one, copy)
            yield name, _digest(copy)
        else:
            continue
        shutil.copymode(one, copy)


def _put_back(backup: Path, data: Path, unit: str) -> None:
    """The unit as the backup has it, in one renaming; what was there is deleted afterwards."""
    target = data / unit
    fresh, replaced = (target.with_name(f"{target.name}.{what}") for what in ("restoring", "replaced"))
    for left in (fresh, replaced):
        _delete(left)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (backup / unit).is_dir():
        shutil.copytree(backup / unit, fresh)
    else:
        shutil.copy2(backup / unit, fresh)
    if target.exists():
        target.rename(replaced)
    fresh.rename(target)
    _delete(replaced)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _manifest(backup: Path) -> Path:
    return backup / "manifest.json"
