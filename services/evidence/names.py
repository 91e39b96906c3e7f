"""Names of files, which come from anywhere: made harmless before they are sealed, and again when given back."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

MAX_CHARACTERS: Final = 120
EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/avif": "avif",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/3gpp": "3gp",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/amr": "amr",
    "audio/wav": "wav",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "message/rfc822": "eml",
    "multipart/related": "mhtml",
    "text/html": "html",
    "text/plain": "txt",
    "application/json": "json",
}
"""The extension by which a file is given back: of what it is, never of what it was called."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def cleaned(name: str) -> str:
    """The last part of a path without controls, direction marks or what file systems forbid; may be empty."""
    last = name[-4096:].replace("\\", "/").rpartition("/")[2]
    seen = "".join(one for one in unicodedata.normalize("NFC", last) if unicodedata.category(one) not in _UNSEEN)
    plain = " ".join("".join("_" if one in '<>:"|?*%;' else one for one in seen).split()).strip(". ")
    if len(plain) <= MAX_CHARACTERS:
        return plain
    stem, dot, extension = plain.rpartition(".")
    if not dot or len(extension) > 10:
        return plain[:MAX_CHARACTERS]
    return f"{stem[: MAX_CHARACTERS - 1 - len(extension)]}.{extension}"


def given_back(name: str, media_type: str, exhibit: str) -> str:
    """The name of a download: the cleaned stem, or the exhibit's first characters, with the content's extension."""
    stem = cleaned(name)
    head, dot, tail = stem.rpartition(".")
    if dot and head and len(tail) <= 10:
        stem = head
    return f"{stem or exhibit[:8]}.{EXTENSIONS.get(media_type, 'bin')}"


def disposition(name: str) -> str:
    """A Content-Disposition that makes a browser save the file (RFC 6266, with the RFC 8187 form for all languages)."""
    plain = "".join(one if one.isascii() and one.isprintable() and one not in '"\\' else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
