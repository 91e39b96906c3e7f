from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.evidence.content import HEAD_BYTES, UNKNOWN, is_program, media_type
from shared.contracts.evidence import EvidenceUploaded
from shared.errors import Refused
from tests.services.evidence.facts import upload


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(out, kind)
    return out.getvalue()


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def open_document() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", "<x/>")
    return out.getvalue()


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("PNG"), "image/png"),
        (picture("GIF"), "image/gif"),
        (picture("WEBP"), "image/webp"),
        (picture("TIFF"), "image/tiff"),
        (picture("BMP"), "image/bmp"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "image/avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", "audio/mp4"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x18ftyp3gp5\0\0\0\0", "video/3gpp"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"fLaC\0\0", "audio/flac"),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"ID3\x03\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0\0", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\x02\x1f", "audio/aac"),
        (b"%PDF-1.7\n", "application/pdf"),
        (zipped("a.txt"), "application/zip"),
        (zipped("[Content_Types].xml", "word/document.xml"), WORD),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), SHEET),
        (zipped("[Content_Types].xml", "other"), "application/zip"),
        (zipped("mimetype"), "application/zip"),
        (open_document(), "application/vnd.oasis.opendocument.text"),
        (b"From: a@b.fr\r\nTo: c@d.fr\r\nSubject: x\r\n y\r\n\r\nbonjour", "message/rfc822"),
        (b"From: <Saved>\r\nSnapshot-Content-Location: x\r\nSubject: p\r\n\r\n", "multipart/related"),
        (b"<!DOCTYPE html><title>x</title>", "text/html"),
        (b"  \n<html>", "text/html"),
        (b'<?xml version="1.0"?><svg onload="x"/>', "text/html"),
        (b"hello <script>alert(1)</script>", "text/html"),
        (b'{"messages": []}', "application/json"),
        (b'[{"a": 1}]', "application/json"),
        ("Tu n’es rien, et tout le monde le sait.".encode(), "text/plain"),
        ("﻿avec une marque".encode(), "text/plain"),
        ("un été".encode("utf-16"), "text/plain"),
        (b"MZ is how this text begins", "text/plain"),
        (b"From: only one header\n\ntext", "text/plain"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed"),
        (b"   \n ", UNKNOWN),
        (b"\0\x01\x02\x03", UNKNOWN),
        (b"\xe9t\xe9 en latin-1 \xe0 la fin", UNKNOWN),
        (b"RIFF\0\0\0\0????", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_a_file_is_known_by_its_content(head, kind):
    assert media_type(head) == kind


def test_a_character_cut_at_the_end_of_the_look_is_still_text():
    assert media_type("é".encode() * HEAD_BYTES + b"\xc3") == "text/plain"


PE = b"MZ" + b"\0" * 58 + b"\x40\0\0\0" + b"PE\0\0"


@pytest.mark.parametrize(
    "head",
    [PE, b"\x7fELF\x02", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe\0\0", b"#!/bin/sh\nrm", b"dex\n035\0"],
)
def test_programs_are_refused(head):
    assert is_program(head)
    with pytest.raises(Refused) as refusal:
        media_type(head)
    assert refusal.value.code == "program"


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            bytes.__add__,
            st.sampled_from([b"RIFF", b"PK\x03\x04", b"\xff\xfe", b"BM", b"\xff\xe0", b"<", b"%PDF", b"MZ", b"From:"]),
            st.binary(max_size=80),
        ),
        st.text(max_size=80).map(str.encode),
    )
)
def test_whatever_comes_has_a_media_type_that_can_be_published(head):
    if is_program(head):
        return
    kind = media_type(head)
    EvidenceUploaded(**upload(media_type=kind).model_dump(exclude={"case"}))
