"""What a file is, from its first bytes alone: neither its name nor what its sender says of it counts."""

from __future__ import annotations

import re
from typing import Final

import puremagic

from shared.errors import Refused

HEAD_BYTES: Final = 16 * 1024
"""How much of a file's beginning is looked at; fewer where the file is shorter."""

UNKNOWN: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")

_PROGRAMS: Final = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"dex\n",
    b"#!",
    b"L\x00\x00\x00\x01\x14\x02\x00",
)
"""ELF, Mach-O (and Java classes), Android, scripts, Windows shortcuts; Windows programs are told by their header."""

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS: Final = (
    ((b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "image/heic"),
    ((b"avif", b"avis"), "image/avif"),
    ((b"M4A ", b"M4B "), "audio/mp4"),
    ((b"qt  ",), "video/quicktime"),
    ((b"3gp", b"3g2"), "video/3gpp"),
)
_OFFICE: Final = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_HEADER_LINE: Final = re.compile(rb"[!-9;-~]{1,76}:[ \t]?[^\r\n]*(\r?\n[ \t][^\r\n]*)*\r?\n")
_MAIL_HEADERS: Final = frozenset({b"from", b"to", b"date", b"subject", b"received", b"message-id", b"return-path"})


def media_type(head: bytes) -> str:
    """The media type of a file that begins with ``head`` (its first 16 KiB); application/octet-stream when unknown.

    Raises Refused (``program``) for programs and scripts: they show nothing, and may harm who opens them.
    """
    if is_program(head):
        raise Refused(
            "program", "This file is a program, not a capture: send a screenshot, a photo or the message itself."
        )
    return _signed(head) or _container(head) or _text(head) or _catalogued(head) or UNKNOWN


def is_program(head: bytes) -> bool:
    """Whether these bytes begin a program or a script of a known kind."""
    if head.startswith(b"#!AMR"):
        return False
    if head.startswith(b"MZ"):
        # A text may begin with these two letters; a program's header also says where its second one is.
        at = int.from_bytes(head[0x3C:0x40], "little")
        return head[at : at + 2] in {b"PE", b"NE", b"LE", b"LX"}
    return head.startswith(_PROGRAMS)


def _signed(head: bytes) -> str | None:
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"} and _is_utf16(head):
        return "text/plain"
    # MPEG audio: eleven set bits, then a layer; layer 0 is AAC in ADTS frames.
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[2] & 0xF0 != 0xF0:
        return "audio/mpeg" if head[1] & 0x06 else "audio/aac"
    return None


def _container(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return next((kind for brands, kind in _BRANDS if brand.startswith(brands)), "video/mp4")
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:4] == b"PK\x03\x04":
        return _zipped(head)
    return None


def _zipped(head: bytes) -> str:
    # The names of the first members stand in clear; an OpenDocument file says its type in the first one.
    if head[30:38] == b"mimetype":
        named = re.match(rb"application/vnd\.oasis\.opendocument\.[a-z]+", head[38:138])
        if named:
            return named[0].decode()
    if b"[Content_Types].xml" in head or b"_rels/.rels" in head:
        return next((kind for folder, kind in _OFFICE if folder in head), "application/zip")
    return "application/zip"


def _text(head: bytes) -> str | None:
    if b"\0" in head or not _is_utf8(head):
        return None
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lowered = start[:1024].lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<svg")) or b"<script" in lowered:
        return "text/html"
    if lowered.startswith(b"<?xml") and b"<svg" in lowered:
        return "text/html"
    mail = _mail(start)
    if mail:
        return mail
    if start[:1] in {b"{", b"["} and re.match(rb'[\[{]\s*["\[{\]}\d]', start):
        return "application/json"
    return "text/plain" if start else None


def _mail(start: bytes) -> str | None:
    names: set[bytes] = set()
    at = 0
    while len(names) < 40 and (line := _HEADER_LINE.match(start, at)):
        names.add(line[0].partition(b":")[0].lower())
        at = line.end()
    if len(names & _MAIL_HEADERS) < 2:
        return None
    return "multipart/related" if b"snapshot-content-location" in names else "message/rfc822"


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The look may have ended inside a character.
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def _is_utf16(head: bytes) -> bool:
    try:
        head[: len(head) // 2 * 2 - 2].decode("utf-16")
    except UnicodeDecodeError:
        return False
    return True


def _catalogued(head: bytes) -> str | None:
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    # Short signatures match by chance: only long ones are believed.
    best = [one.mime_type for one in found if len(one.byte_match) >= 6 and _MEDIA_TYPE.fullmatch(one.mime_type)]
    return str(best[0]) if best else None
