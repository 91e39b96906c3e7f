from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.evidence.form import MAX_FIELD_BYTES, MAX_FIELDS, read_form
from shared.errors import Refused

KIND = "multipart/form-data; boundary=limit"


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    file = "" if file_name is None else f'; filename="{file_name}"'
    head = f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = b"--limit--\r\n"


async def cut(body: bytes, size: int):
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def read(body: bytes, size: int = 7, kind: str = KIND):
    form = await read_form(kind, cut(body, size))
    return form, b"".join([chunk async for chunk in form.file])


@pytest.mark.parametrize("size", [1, 2, 13, 4096])
async def test_fields_come_first_and_the_file_streams(size):
    content = b"\r\n--limi\r\n--lim\n--limit" * 3 + bytes(range(256))
    body = (
        part("kind", b"photo")
        + part("shows", b"date")
        + part("shows", "été".encode())
        + part("note", b"")
        + part("file", content, "été.png")
        + END
    )
    form, file = await read(body, size)
    assert form.fields == {"kind": ("photo",), "shows": ("date", "été"), "note": ("",)}
    assert form.file_name == "été.png"
    assert file == content


async def test_the_file_is_not_read_ahead():
    pulled = 0

    async def body():
        nonlocal pulled
        yield part("kind", b"photo") + part("file", b"", "x")[:-2]
        for _ in range(100):
            pulled += 1
            yield b"x" * 1000
        yield b"\r\n" + END

    form = await read_form(KIND, body())
    assert pulled == 0
    assert len(b"".join([chunk async for chunk in form.file])) == 100_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (part("kind", b"photo") + END, "no-file"),
        (END, "no-file"),
        (b"", "cut-off"),
        (b"no form at all", "broken-form"),
        (part("kind", b"x" * (MAX_FIELD_BYTES + 1)) + part("file", b"x", "x") + END, "too-large"),
        (part("kind", b"\xff") + part("file", b"x", "x") + END, "broken-form"),
        (part("Kind!", b"x") + part("file", b"x", "x") + END, "broken-form"),
        (part("kind", b"x") * (MAX_FIELDS + 1) + part("file", b"x", "x") + END, "broken-form"),
        (b"--limit\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, "broken-form"),
        (part("file", b"x", "x") + part("kind", b"late") + END, "file-not-last"),
        (part("file", b"x", "x") + part("file", b"y", "y") + END, "file-not-last"),
        (part("file", b"never ends", "x"), "cut-off"),
        (part("kind", b"photo")[:-4], "cut-off"),
    ],
)
async def test_a_form_that_is_not_as_it_should_be_is_refused(body, code):
    with pytest.raises(Refused) as refusal:
        await read(body)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 201}",
    ],
)
async def test_what_is_no_form_is_refused(kind):
    with pytest.raises(Refused):
        await read(END, kind=kind)


@settings(max_examples=60)
@given(content=st.binary(max_size=300), size=st.integers(1, 60))
async def test_any_file_comes_out_as_it_went_in(content, size):
    if b"--limit" in content:
        return
    _, file = await read(part("file", content, "x") + END, size)
    assert file == content
