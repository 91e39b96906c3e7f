"""External sort: rows go to sorted chunk files of bounded size, and come back merged."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

import bson
from bson.codec_options import CodecOptions

Key: TypeAlias = tuple[Any, ...]
Value: TypeAlias = dict[str, Any]
Row: TypeAlias = tuple[Key, Value]

CHUNK_BYTES = 16 * 1024 * 1024
ROW_OVERHEAD = 400
"""What a row costs in memory beside its bytes."""
FAN_IN = 64
"""How many chunk files are open at once."""
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


class Sorter:
    """Rows by key. Keys are tuples of text and integers (below 2^63), of one type in each position.

    Args:
        directory: where its chunk files are; the caller removes it.
        name: of its chunk files, unique in the directory.
        chunk_bytes: what it may hold in memory.
    """

    def __init__(self, directory: Path, name: str, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._directory = directory
        self._name = name
        self._limit = chunk_bytes
        self._rows: list[tuple[Key, bytes]] = []
        self._held = 0
        self._chunks: list[Path] = []
        self._numbers = count(1)

    def add(self, key: Key, value: Value | None = None) -> None:
        """Take one row; ``value`` is anything that BSON holds."""
        row = bson.encode({"k": list(key), "v": value or {}})
        self._rows.append((key, row))
        self._held += len(row) + ROW_OVERHEAD
        if self._held >= self._limit:
            self._spill()

    def rows(self) -> Iterator[Row]:
        """All rows in the order of their keys. May be asked again."""
        self._spill()
        return _merged(self._chunks)

    def rest(self) -> None:
        """Let go of the memory until more rows come."""
        self._spill()

    def _spill(self) -> None:
        if self._rows:
            self._rows.sort(key=itemgetter(0))
            self._write(row for _, row in self._rows)
            self._rows, self._held = [], 0
        if len(self._chunks) >= FAN_IN:
            old, self._chunks = self._chunks, []
            self._write(bson.encode({"k": list(key), "v": value}) for key, value in _merged(old))
            for one in old:
                one.unlink()

    def _write(self, rows: Iterator[bytes]) -> None:
        path = self._directory / f"{self._name}.{next(self._numbers)}"
        with path.open("wb") as file:
            file.writelines(rows)
        self._chunks.append(path)


def _merged(chunks: list[Path]) -> Iterator[Row]:
    return heapq.merge(*(_read(one) for one in chunks), key=itemgetter(0))


def _read(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for one in bson.decode_file_iter(file, _AWARE):
            yield tuple(one["k"]), one["v"]
