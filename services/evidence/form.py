"""A form with one file (multipart/form-data, RFC 7578), read as it streams: its file never lies in memory or on disk.

The fields come first and the file last, as the page's form is written; a file that is not the last part is refused.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.evidence.receiving import cut_off
from shared.errors import Refused

MAX_FIELD_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 40
_NAME: Final = re.compile(r"[a-z_]{1,40}")

_Step = tuple[Literal["begin", "header", "data", "end", "close"], str, bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields, in order of arrival, and the file that follows them. ``file_name`` is as it was sent."""

    fields: dict[str, tuple[str, ...]]
    file_name: str
    file: AsyncIterator[bytes]


async def read_form(content_type: str, body: AsyncIterator[bytes]) -> Form:
    """Read the fields up to the file; the file is then read from ``Form.file``, which must be exhausted.

    Raises:
        Refused: no form, no file, too many or too long fields, or a form that breaks off.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise _no_form()
    steps = _steps(boundary, body)
    fields: dict[str, tuple[str, ...]] = {}
    taken = 0
    async for name, file_name, first in _parts(steps):
        if file_name is not None:
            return Form(fields, file_name, _file(steps, first))
        value = bytearray(first)
        async for step, _, data in steps:
            if step == "end":
                break
            value += data
            if len(value) > MAX_FIELD_BYTES:
                raise Refused("too-large", "A field of the form is too long: shorten it.")
        taken += 1
        if taken > MAX_FIELDS or not _NAME.fullmatch(name):
            raise _no_form()
        try:
            fields[name] = (*fields.get(name, ()), value.decode())
        except UnicodeDecodeError:
            raise _no_form() from None
    raise Refused("no-file", "Choose a file first, then send the form again.", field="file")


async def _parts(steps: AsyncIterator[_Step]) -> AsyncIterator[tuple[str, str | None, bytes]]:
    """Each part's name, file name and first bytes; whoever iterates reads the part to its end in between."""
    header = ""
    async for step, name, data in steps:
        match step:
            case "begin":
                header = ""
            case "header" if name == "content-disposition":
                # Latin-1 keeps the bytes as they are: the parser of its parameters gives them back.
                header = data.decode("latin-1")
            case "data":
                yield (*_disposition(header), data)
            case _:
                continue


async def _file(steps: AsyncIterator[_Step], first: bytes) -> AsyncIterator[bytes]:
    yield first
    async for step, _, data in steps:
        if step == "end":
            break
        if data:
            yield data
    async for step, _, _ in steps:
        if step == "begin":
            raise Refused("file-not-last", "The file must be the last part of the form.")


async def _steps(boundary: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[_Step]:
    """What the parser says, as it says it. Raises Refused (``cut-off``) when the form ends before its last boundary."""
    said: list[_Step] = []
    name, value = bytearray(), bytearray()

    def header_field(data: bytes, start: int, end: int) -> None:
        name.extend(data[start:end])

    def header_value(data: bytes, start: int, end: int) -> None:
        value.extend(data[start:end])

    def header_end() -> None:
        said.append(("header", name.decode("latin-1").lower(), bytes(value)))
        name.clear()
        value.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": lambda: said.append(("begin", "", b"")),
            "on_header_field": header_field,
            "on_header_value": header_value,
            "on_header_end": header_end,
            # The first bytes of a part, even none, tell that its headers are over.
            "on_headers_finished": lambda: said.append(("data", "", b"")),
            "on_part_data": lambda data, start, end: said.append(("data", "", data[start:end])),
            "on_part_end": lambda: said.append(("end", "", b"")),
            "on_end": lambda: said.append(("close", "", b"")),
        },
    )
    closed = False
    async for chunk in body:
        try:
            parser.write(chunk)
        except FormParserError:
            raise _no_form() from None
        for one in said:
            closed = closed or one[0] == "close"
            yield one
        said.clear()
    if not closed:
        raise cut_off()


def _disposition(header: str) -> tuple[str, str | None]:
    kind, options = parse_options_header(header)
    if kind != b"form-data":
        raise _no_form()
    file_name = options.get(b"filename")
    shown = None if file_name is None else file_name.decode("utf-8", "replace")
    return options.get(b"name", b"").decode("utf-8", "replace"), shown


def _no_form() -> Refused:
    return Refused("broken-form", "This form cannot be read: open the page again and fill it in once more.")
