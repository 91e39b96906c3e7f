"""Searches bytes for texts in every form that a careless program writes them in."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from bson import Binary

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


def forms(text: str) -> set[bytes]:
    """``text`` as UTF-8, Latin-1, UTF-16, JSON, percent-encoded, quoted-printable, hex, and base64 at any offset."""
    plain = text.encode()
    found = {plain, text.lower().encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le")}
    found |= {quote(text).encode(), quote(text, safe="").encode(), quote_plus(text).encode()}
    found |= {text.encode("latin-1", "ignore"), plain.hex().encode(), plain.hex().upper().encode()}
    found.add(b"".join(b"=%02X" % byte if byte > 126 or byte == 61 else bytes([byte]) for byte in plain))
    return {one for one in found if len(one) >= 4} | set(_in_base64(plain))


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """The part of the base64 of anything that contains ``plain`` which depends on nothing around it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + plain)
        start = (0, 2, 3)[before]
        # The last group also holds bits of what follows.
        whole = encoded[start : 4 * ((before + len(plain)) // 3)]
        if len(whole) >= 8:
            yield whole
            yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def digests(digest: bytes) -> set[bytes]:
    """A SHA-256 as it stands in logs: raw, hex, base64."""
    return {digest, digest.hex().encode(), digest.hex().upper().encode(), *_in_base64(digest)}


class Needles:
    """What to look for, by a name that a failure may show. ``hours`` (HH:MM) are told from instants of a log."""

    def __init__(self, texts: Iterable[str], hashes: Iterable[bytes] = (), hours: Iterable[str] = ()) -> None:
        self._forms = {one: text for text in texts if text for one in forms(text)}
        self._forms |= {one: f"sha256:{digest.hex()[:8]}" for digest in hashes for one in digests(digest)}
        self._hours = {
            hour: re.compile(rb'(?<![\d:T.-])(?<!\d )%s(?![\d:.])|"%s(:00)?"' % (hour.encode(), hour.encode()))
            for hour in hours
        }

    def in_bytes(self, content: bytes) -> set[str]:
        """Which of them stand in ``content``, as it is, in small letters, or inside anything base64 in it."""
        layers = [content, content.lower()]
        layers += [_decoded(found) for found in BASE64.findall(content)]
        return {name for layer in _joined(layers) for name in self._in_layer(layer)}

    def in_directory(self, directory: Path, *, but: str) -> list[str]:
        """The files under ``directory`` that hold one of them in any case, by grep: engines' files are large.

        What is inside further base64 of theirs, and the hours, it does not see.
        """
        # A pattern ends at a line's end.
        wanted = {max(one.split(b"\n"), key=len) for one in self._forms}
        patterns = b"\n".join(sorted(one for one in wanted if len(one) >= 4))
        found = subprocess.run(
            ["grep", "-r", "-l", "-a", "-i", "-F", "-f", "-", f"--exclude-dir={but}", "."],
            cwd=directory,
            input=patterns,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        # 2 is also what it says of a file that went while it looked: engines compact theirs.
        if found.returncode == 2 and b"No such file" not in found.stderr:
            raise AssertionError(found.stderr.decode(errors="replace"))
        return sorted(line.removeprefix("./") for line in found.stdout.decode().splitlines())

    def _in_layer(self, layer: bytes) -> Iterator[str]:
        yield from (name for one, name in self._forms.items() if one in layer)
        yield from (hour for hour, pattern in self._hours.items() if pattern.search(layer))


def _joined(layers: list[bytes]) -> Iterator[bytes]:
    yield layers[0]
    yield layers[1]
    yield b"\n\n".join(layers[2:])


def _decoded(found: bytes) -> bytes:
    standard = found.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    whole = standard[: len(standard) // 4 * 4]
    return base64.b64decode(whole)


def leaves(document: Any) -> Iterator[bytes]:
    """Every key and value of a document, however deep, as bytes; each field's name stands before its value."""
    match document:
        case dict():
            for name, value in document.items():
                yield str(name).encode()
                yield from leaves(value)
        case list() | tuple():
            for one in document:
                yield from leaves(one)
        case bytes() | Binary():
            yield bytes(document)
        case str():
            yield document.encode()
        case _:
            yield str(document).encode()
