from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BrokenContract
from shared.trust.sealing import (
    OPENERS,
    Purpose,
    commitment,
    new_identity,
    new_salt,
    open_chunks,
    open_sealed,
    seal,
    seal_chunks,
)

MINE = new_identity()
OTHER = new_identity()
VALUE = {"nom": "Zoé", "messages": ["arrête", None, 1]}


async def chunked(data: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
    )
)
def test_what_is_sealed_opens_to_the_same_value(value):
    assert open_sealed(seal(value, MINE.recipient), MINE.secret) == value


def test_each_of_several_recipients_can_open():
    sealed = seal(VALUE, MINE.recipient, OTHER.recipient)
    assert open_sealed(sealed, MINE.secret) == open_sealed(sealed, OTHER.secret) == VALUE


def test_nobody_else_can_open():
    with pytest.raises(BrokenContract):
        open_sealed(seal(VALUE, MINE.recipient), OTHER.secret)


def test_a_changed_byte_anywhere_is_noticed():
    raw = base64.b64decode(seal(VALUE, MINE.recipient))
    for position in range(len(raw)):
        spoilt = bytearray(raw)
        spoilt[position] ^= 1
        with pytest.raises(BrokenContract):
            open_sealed(base64.b64encode(spoilt).decode(), MINE.secret)


@pytest.mark.parametrize("sealed", ["", "not base64!", "aGVsbG8=", "é"])
def test_text_that_was_never_sealed_is_refused(sealed):
    with pytest.raises(BrokenContract):
        open_sealed(sealed, MINE.secret)


def test_sealing_to_nobody_or_to_nonsense_is_refused():
    for recipients in ((), ("age1nonsense",), ("",)):
        with pytest.raises(BrokenContract):
            seal(VALUE, *recipients)


def test_a_value_outside_json_is_refused():
    with pytest.raises(ValueError):
        seal(float("nan"), MINE.recipient)


def test_an_identity_does_not_show_its_secret():
    assert MINE.secret not in repr(MINE)


def test_intake_opens_all_purposes_and_billing_contacts_only():
    assert OPENERS["intake"] == set(Purpose)
    assert OPENERS["billing"] == OPENERS["notify"] == {Purpose.CONTACT}
    assert Purpose.ACCOUNT not in OPENERS["legal"]
    assert OPENERS["evidence"] == {Purpose.EVIDENCE}


def test_a_commitment_is_the_hash_of_salt_and_digest():
    salt, digest = new_salt(), hashlib.sha256(b"file").digest()
    assert commitment(salt, digest) == hashlib.sha256(salt + digest).hexdigest()
    assert commitment(new_salt(), digest) != commitment(salt, digest)
    with pytest.raises(ValueError):
        commitment(salt[:-1], salt[-1:] + digest)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_003])
async def test_a_file_survives_the_stream_at_any_length(size):
    data = hashlib.shake_128(b"x").digest(size)
    sealed = await whole(seal_chunks(chunked(data), MINE.recipient))
    assert await whole(open_chunks(chunked(sealed, 7_777), MINE.secret)) == data


async def test_a_file_cut_at_a_chunk_or_anywhere_is_never_taken_for_whole():
    sealed = await whole(seal_chunks(chunked(b"y" * 200_000), MINE.recipient))
    for kept in (0, 10, len(sealed) - 1, len(sealed) - 3_000, len(sealed) // 2):
        with pytest.raises(BrokenContract):
            await whole(open_chunks(chunked(sealed[:kept]), MINE.secret))


async def test_an_altered_or_foreign_file_is_refused():
    sealed = bytearray(await whole(seal_chunks(chunked(b"y" * 200_000), MINE.recipient)))
    with pytest.raises(BrokenContract):
        await whole(open_chunks(chunked(bytes(sealed)), OTHER.secret))
    sealed[100_000] ^= 1
    with pytest.raises(BrokenContract):
        await whole(open_chunks(chunked(bytes(sealed)), MINE.secret))


async def test_an_upload_that_breaks_off_gives_its_own_error():
    class Gone(Exception):
        pass

    async def breaking() -> AsyncIterator[bytes]:
        yield b"z" * 300_000
        raise Gone

    with pytest.raises(Gone):
        await whole(seal_chunks(breaking(), MINE.recipient))


def age_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "age-stream"]


async def test_a_reader_who_leaves_early_leaves_no_thread_behind():
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"z" * 65_536

    stream = seal_chunks(endless(), MINE.recipient)
    async for _ in stream:
        break
    await stream.aclose()
    async with asyncio.timeout(5):
        while age_threads():
            await asyncio.to_thread(age_threads()[0].join, 1)


async def test_a_cancelled_upload_leaves_no_thread_behind():
    started = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        started.set()
        await asyncio.Event().wait()
        yield b""

    task = asyncio.create_task(whole(seal_chunks(stuck(), MINE.recipient)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while threads := age_threads():
            await asyncio.to_thread(threads[0].join, 1)


async def test_memory_stays_flat_however_long_the_file():
    async def long(chunks: int) -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield bytes(65_536)

    async def drained(chunks: int) -> int:
        return sum([len(chunk) async for chunk in open_chunks(seal_chunks(long(chunks), MINE.recipient), MINE.secret)])

    tracemalloc.start()
    try:
        assert await drained(512) == 512 * 65_536
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
