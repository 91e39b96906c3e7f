from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.errors import NotFound, Unavailable
from shared.objects import PART_BYTES, WAITING_BYTES, Objects, checked, objects_of
from shared.settings import Settings

MEBIBYTE = 1024 * 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3():
    """The endpoint of a real S3 server on loopback."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="recours-s3-") as home:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "SERVICES": "s3",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": f"{home}/data",
            "PERSIST_STATE": "1",
            "STATE_DIR": f"{home}/state",
            "IOT_MTLS_ENABLED": "0",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=environment,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/_ministack/health", trust_env=False).is_success:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, "the S3 server ended"
                    time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
async def objects(s3):
    async with Objects(s3, "recours-test", access="test", secret="test", secure=False) as bucket:
        await bucket.ensure_bucket()
        yield bucket


async def chunks_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def many(count: int, size: int = MEBIBYTE) -> AsyncIterator[bytes]:
    block = b"\x5a" * size
    for _ in range(count):
        yield block


async def read(objects: Objects, name: str) -> bytes:
    return b"".join([chunk async for chunk in objects.get(name)])


def incomplete(objects: Objects) -> list[str]:
    found = objects._client._list_multipart_uploads(objects.bucket)
    return [upload.object_name for upload in found.uploads]


@pytest.mark.platform
class TestAgainstARealServer:
    async def test_what_was_put_is_got_back(self, objects):
        await objects.put("a1", chunks_of(b"bon", b"", b"jour"))
        assert await read(objects, "a1") == b"bonjour"
        assert (await objects.stat("a1")).size == 7

    async def test_an_empty_object_is_an_object(self, objects):
        await objects.put("empty", chunks_of())
        assert await read(objects, "empty") == b""

    @pytest.mark.parametrize("over", [-1, 0, 1])
    async def test_a_part_boundary_loses_nothing(self, objects, over):
        content = os.urandom(MEBIBYTE) * 8 + b"xy"
        content = content[: PART_BYTES + over]
        step = 100_003
        await objects.put("edge", chunks_of(*(content[at : at + step] for at in range(0, len(content), step))))
        assert hashlib.sha256(await read(objects, "edge")).digest() == hashlib.sha256(content).digest()

    async def test_a_known_length_is_held_to(self, objects):
        await objects.put("known", chunks_of(b"12345"), length=5)
        assert await read(objects, "known") == b"12345"

    @pytest.mark.parametrize("length", [4, 6])
    async def test_another_length_than_announced_stores_nothing(self, objects, length):
        with pytest.raises(ValueError, match="announced"):
            await objects.put(f"lied{length}", chunks_of(b"123", b"45"), length=length)
        with pytest.raises(NotFound):
            await objects.stat(f"lied{length}")

    @pytest.mark.parametrize("before", [1, 20])
    async def test_a_cut_input_stores_nothing_and_its_error_comes_out(self, objects, before):
        class Gone(Exception):
            pass

        async def cut():
            async for chunk in many(before):
                yield chunk
            raise Gone

        with pytest.raises(Gone):
            await objects.put("cut", cut())
        with pytest.raises(NotFound):
            await objects.stat("cut")
        assert "cut" not in incomplete(objects)

    async def test_a_cancelled_upload_stores_nothing_and_ends_its_thread(self, objects):
        halfway = asyncio.Event()

        async def stalls():
            async for chunk in many(12):
                yield chunk
            halfway.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(objects.put("cancelled", stalls()))
        await halfway.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(NotFound):
            await objects.stat("cancelled")
        assert "cancelled" not in incomplete(objects)
        assert not [thread for thread in threading.enumerate() if thread.name == "objects-put" and thread.is_alive()]

    async def test_a_put_replaces_only_once_it_is_whole(self, objects):
        await objects.put("kept", chunks_of(b"old"))

        async def broken():
            yield b"new"
            raise OSError("the phone went away")

        with pytest.raises(OSError, match="went away"):
            await objects.put("kept", broken())
        assert await read(objects, "kept") == b"old"

    async def test_deleting_is_repeatable(self, objects):
        await objects.put("d", chunks_of(b"x"))
        await objects.delete("d")
        await objects.delete("d")
        with pytest.raises(NotFound):
            await read(objects, "d")

    async def test_deleting_leaves_longer_names_alone(self, objects):
        await objects.put("e1", chunks_of(b"x"))
        await objects.put("e1.tsr", chunks_of(b"y"))
        assert await objects.names("e1") == ["e1", "e1.tsr"]
        await objects.delete("e1")
        assert await objects.names("e1") == ["e1.tsr"]

    async def test_deleting_reaches_every_version_in_a_bucket_with_object_lock(self, s3):
        async with Objects(s3, "recours-locked", access="test", secret="test", secure=False) as locked:
            await locked.ensure_bucket(object_lock=True)
            await locked.put("v", chunks_of(b"one"))
            await locked.put("v", chunks_of(b"two"))
            await locked.delete("v")
            assert locked._versions("v") == []
            with pytest.raises(NotFound):
                await locked.stat("v")

    async def test_the_bucket_may_be_there_already(self, objects):
        await objects.ensure_bucket()

    async def test_a_bucket_that_is_not_there_is_no_missing_object(self, s3):
        async with Objects(s3, "recours-absent", access="test", secret="test", secure=False) as absent:
            with pytest.raises(Unavailable, match="NoSuchBucket"):
                await absent.put("x", chunks_of(b"x"))

    async def test_memory_stays_flat_however_long_the_upload(self, objects):
        pulled = 0

        async def counted():
            nonlocal pulled
            async for chunk in many(96):
                pulled += len(chunk)
                yield chunk

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await objects.put("long", counted())
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        assert pulled == 96 * MEBIBYTE
        assert grown < 6 * PART_BYTES
        await objects.delete("long")


@pytest.mark.loopback
async def test_a_server_that_is_away_is_unavailable():
    async with Objects(f"127.0.0.1:{free_port()}", "b-1", access="a", secret="s", secure=False) as away:
        with pytest.raises(Unavailable, match="does not answer"):
            await away.stat("x")
        with pytest.raises(Unavailable, match="does not answer"):
            await away.put("x", many(40))


async def test_a_sender_faster_than_the_server_is_made_to_wait():
    from shared.objects import _Pipe

    pipe = _Pipe(asyncio.get_running_loop())
    written = 0

    async def send():
        nonlocal written
        for _ in range(64):
            await pipe.write(b"\0" * MEBIBYTE)
            written += MEBIBYTE
        pipe.end()

    task = asyncio.create_task(send())
    for _ in range(20):
        await asyncio.sleep(0)
    assert written <= WAITING_BYTES
    total = 0
    while part := await asyncio.to_thread(pipe.read, 3 * MEBIBYTE):
        total += len(part)
    await task
    assert total == 64 * MEBIBYTE


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".a", "é", "a" * 201, "a\0b"])
def test_only_ids_name_objects(name):
    with pytest.raises(ValueError, match="named by an id"):
        checked(name)


async def test_the_settings_say_which_bucket():
    async with objects_of(Settings(objects="127.0.0.1:9", objects_secure=False), "evidence") as objects:
        assert objects.bucket == "recours-evidence"
