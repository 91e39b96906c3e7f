"""What was typed into a form that was sent too late: sealed into the sign-in page, for the same holder alone.

Nothing of it is kept here: the browser holds the sealed text (Fernet, by a key made from intake's own secret) and sends
it back with the sign-in. Whoever else signs in there, or looks at the page, reads nothing. A passphrase or a code is
never given back, and of a file only the name of its field is known.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, ConfigDict, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.intake.sessions import AT_MOST

MOST_BYTES: Final = 64 * 1024
"""Of a form, from its beginning: no page's form takes more but for its file, which comes last."""

MOST_SEALED: Final = 400 * 1024
SECRET_FIELDS: Final = frozenset({"passphrase", "code"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}")


class Typed(BaseModel):
    """A form as ``sub`` sent it to ``path``. ``file``: the field of its file; ``full``: they had the passphrase."""

    model_config = ConfigDict(frozen=True)

    sub: str
    path: str
    full: bool
    multipart: bool
    fields: tuple[tuple[str, str], ...]
    file: str | None = None


def read_typed(sub: str, path: str, content_type: str, body: bytes, *, full: bool) -> Typed | None:
    """The form that begins with ``body``; None when there is none to give back."""
    kind, options = parse_options_header(content_type)
    file = None
    match kind:
        case b"application/x-www-form-urlencoded":
            fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        case b"multipart/form-data":
            fields, file = _parts(options.get(b"boundary", b""), body)
        case _:
            # A button without a field sends no body worth a type.
            fields = []
    names = {name for name, _ in fields}
    if names & SECRET_FIELDS or len(fields) > 100 or not all(map(_NAME.fullmatch, names)):
        return None
    multipart = kind == b"multipart/form-data"
    return Typed(sub=sub, path=path, full=full, multipart=multipart, fields=tuple(fields), file=file)


def sealed(typed: Typed, secret: str, now: datetime) -> str:
    """``typed`` for the page, readable for 8 hours from ``now`` by who has ``secret``."""
    return _box(secret).encrypt_at_time(typed.model_dump_json().encode(), int(now.timestamp())).decode()


def given_back(text: str, secret: str, sub: str, now: datetime) -> Typed | None:
    """What ``sub`` had typed. None for anybody else, after 8 hours, and for what was not sealed here."""
    try:
        clear = _box(secret).decrypt_at_time(
            text.encode("ascii", "replace"), ttl=int(AT_MOST.total_seconds()), current_time=int(now.timestamp())
        )
        typed = Typed.model_validate_json(clear)
    except (InvalidToken, ValidationError):
        return None
    return typed if hmac.compare_digest(typed.sub.encode(), sub.encode()) else None


def _box(secret: str) -> Fernet:
    key = hmac.new(secret.encode(), b"recours typed text", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _parts(boundary: bytes, body: bytes) -> tuple[list[tuple[str, str]], str | None]:
    """The whole fields at the beginning of a multipart form, and the name of its first file."""
    fields: list[tuple[str, str]] = []
    files: list[str] = []
    head, value = bytearray(), bytearray()
    name, is_file = "", False

    def header(data: bytes, start: int, end: int) -> None:
        head.extend(data[start:end])

    def content(data: bytes, start: int, end: int) -> None:
        value.extend(data[start:end])

    def begin() -> None:
        head.clear()
        value.clear()

    def told() -> None:
        nonlocal name, is_file
        options = parse_options_header(bytes(head).partition(b"\n")[0].decode("latin-1"))[1]
        name, is_file = options.get(b"name", b"").decode("utf-8", "replace"), b"filename" in options
        if is_file:
            files.append(name)

    def end() -> None:
        if not is_file:
            fields.append((name, value.decode("utf-8", "replace")))

    if not 0 < len(boundary) <= 200:
        return [], None
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_header_value": header,
            "on_header_end": lambda: head.extend(b"\n"),
            "on_headers_finished": told,
            "on_part_data": content,
            "on_part_end": end,
        },
    )
    try:
        parser.write(body)
    except FormParserError:
        return [], None
    return fields, files[0] if files and _NAME.fullmatch(files[0]) else None
