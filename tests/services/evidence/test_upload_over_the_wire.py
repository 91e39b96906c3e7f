"""Uploads through a real HTTP server into a real S3 server: what a phone that leaves, lies or is slow does to us."""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
from contextlib import asynccontextmanager, nullcontext

import httpx
import pytest
import uvicorn

from services.evidence.receiving import Limits, Reception
from shared.contracts.evidence import EvidenceUploaded
from shared.errors import Unavailable
from shared.objects import PART_BYTES, Objects
from shared.web.application import application
from tests.services.evidence.stand_in import AT, PAGE, PNG, VICTIM, Bucket, client, known, said

pytestmark = pytest.mark.loopback

MEBIBYTE = 1024 * 1024


class _Quiet(uvicorn.Server):
    def capture_signals(self):
        """Signals are the test run's."""
        return nullcontext()


@asynccontextmanager
async def serving(running):
    """The application on a loopback port, in this process."""
    server = _Quiet(
        uvicorn.Config(application(running, static=False), host="127.0.0.1", port=0, log_config=None, lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn gives no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def objects(s3):
    async with Objects(s3, "recours-evidence", access="test", secret="test", secure=False) as bucket:
        await bucket.ensure_bucket()
        yield bucket


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - asked of another process
            await asyncio.sleep(0.02)


def head(path=AT, /, **headers):
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def raw(port, *parts, close=True):
    """Send bytes as they are, then read what comes (or leave at once)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    if close:
        writer.transport.abort()
        return b""
    async with asyncio.timeout(20):
        answer = await reader.read(65536)
    writer.close()
    return answer


async def all_names(objects):
    return sorted(
        [
            one.object_name
            for one in await asyncio.to_thread(lambda: list(objects._client.list_objects(bucket_name=objects.bucket)))
        ]
    )


async def incomplete(objects):
    found = await asyncio.to_thread(objects._client._list_multipart_uploads, objects.bucket)
    return [upload.object_name for upload in found.uploads]


@pytest.mark.platform
class TestOverTheWire:
    @pytest.fixture(autouse=True)
    async def _emptied(self, objects):
        for name in await all_names(objects):
            await objects.delete(name)

    async def test_a_file_of_several_parts_comes_back_whole(self, objects):
        running = known(objects=objects)
        block = bytes(range(256)) * 4096
        wanted = hashlib.sha256()

        async def file():
            for _ in range(20):
                wanted.update(block)
                yield block

        async with serving(running) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
            told = (await web.post(AT, content=file(), headers={**VICTIM, **said()})).json()
            assert told["digest"] == wanted.hexdigest()
            got = hashlib.sha256()
            async with web.stream("GET", f"{AT}/{told['exhibit']}/original", headers=VICTIM) as answer:
                assert answer.headers["content-length"] == str(20 * MEBIBYTE)
                async for chunk in answer.aiter_bytes():
                    got.update(chunk)
        assert got.digest() == wanted.digest()
        stored = b"".join([one async for one in objects.get(told["exhibit"])])
        assert stored.startswith(b"age-encryption.org/v1\n")

    async def test_memory_stays_flat(self, objects):
        running = known(objects=objects)
        block = b"\x89PNG\r\n\x1a\n" + b"\x5a" * (MEBIBYTE - 8)

        async def file():
            for _ in range(128):
                yield block

        async with serving(running) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
            await web.post(AT, content=PNG, headers={**VICTIM, **said()})
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            told = (await web.post(AT, content=file(), headers={**VICTIM, **said()}, timeout=60)).json()
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        assert told["size"] == 128 * MEBIBYTE
        assert grown < 6 * PART_BYTES

    @pytest.mark.parametrize("sent", [10, 1000, 12 * MEBIBYTE])
    async def test_a_phone_that_leaves_in_the_middle_leaves_nothing(self, objects, sent):
        running = known(objects=objects)
        headers = {**VICTIM, **said(), "Content-Length": str(64 * MEBIBYTE)}
        async with serving(running) as port:
            await raw(port, head(**headers), (PNG * (sent // len(PNG) + 1))[:sent])

            async def gone():
                return running.tools.under_way == 0 and await all_names(objects) == []

            await until(gone)
        assert await incomplete(objects) == []
        assert running.said(EvidenceUploaded) == []

    async def test_chunks_that_stop_before_their_end_leave_nothing(self, objects):
        running = known(objects=objects)
        headers = {**VICTIM, **said(), "Transfer-Encoding": "chunked"}
        async with serving(running) as port:
            await raw(port, head(**headers), b"a\r\n0123456789\r\n")

            async def gone():
                return running.tools.under_way == 0 and await all_names(objects) == []

            await until(gone)
        assert running.said(EvidenceUploaded) == []

    async def test_a_sender_that_stalls_is_let_go(self, objects):
        running = known(objects=objects)
        running.tools = Reception(Limits(idle_seconds=0.2))
        headers = {**VICTIM, **said(), "Content-Length": "1000000"}
        async with serving(running) as port:
            answer = await raw(port, head(**headers), PNG, close=False)
        assert b" 422 " in answer.split(b"\r\n")[0]
        assert b"too-slow" in answer
        assert await all_names(objects) == []

    async def test_two_lengths_are_no_request(self, objects):
        running = known(objects=objects)
        headers = {**VICTIM, **said(), "Content-Length": "5", "content-length": "6"}
        async with serving(running) as port:
            answer = await raw(port, head(**headers), b"12345678", close=False)
        assert b" 400 " in answer.split(b"\r\n")[0]
        assert running.said(EvidenceUploaded) == []

    async def test_a_form_streams_as_well_and_a_cut_one_leaves_nothing(self, objects):
        running = known(objects=objects)
        fields = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair
            for pair in ((b"may_show_minor_sexually", b"no"), (b"kind", b"video"))
        )
        begun = fields + b'--x\r\nContent-Disposition: form-data; name="file"; filename="v"\r\n\r\n'
        block = b"\0\0\0\x18ftypisom" + b"\x5a" * (MEBIBYTE - 12)

        async def form(*, whole):
            yield begun
            for _ in range(12):
                yield block
            if whole:
                yield b"\r\n--x--\r\n"

        headers = {**VICTIM, "Content-Type": "multipart/form-data; boundary=x", "Accept": "text/html"}
        async with serving(running) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
            refused = await web.post(f"{PAGE}/exhibits", content=form(whole=False), headers=headers)
            assert (refused.status_code, await all_names(objects)) == (422, [])
            assert await incomplete(objects) == []
            taken = await web.post(f"{PAGE}/exhibits", content=form(whole=True), headers=headers)
        assert taken.status_code == 303
        (event,) = running.said(EvidenceUploaded)
        assert (event.size, event.media_type) == (12 * MEBIBYTE, "video/mp4")


async def test_a_browser_that_was_refused_early_still_reads_why():
    running = known()
    fields = b'--x\r\nContent-Disposition: form-data; name="may_show_minor_sexually"\r\n\r\nyes\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    body = fields + file + PNG * 2000 + b"\r\n--x--\r\n"
    headers = {**VICTIM, "Accept": "text/html", "Content-Type": "multipart/form-data; boundary=x"}
    request = head(PAGE + "/exhibits", **headers, **{"Content-Length": str(len(body)), "Connection": "close"})
    async with serving(running) as port:
        # All of it is sent before a byte is read, as browsers do.
        answer = await raw(port, request, body, close=False)
    assert b" 422 " in answer.split(b"\r\n")[0]
    assert b"3018" in answer
    assert running.objects.kept == {}


async def test_a_request_cancelled_at_its_last_step_still_keeps_an_exhibit_that_was_stored():
    running = known()
    storing, go_on = asyncio.Event(), asyncio.Event()
    stored = running.carry_out

    async def slow(command, **given):
        storing.set()
        await go_on.wait()
        return await stored(command, **given)

    running.carry_out = slow  # type: ignore[method-assign]
    async with client(running) as web:
        task = asyncio.create_task(web.post(AT, content=PNG, headers={**VICTIM, **said()}))
        await storing.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    (event,) = running.said(EvidenceUploaded)
    assert set(running.objects.kept) == {event.exhibit}


async def test_a_request_cancelled_while_its_file_comes_leaves_nothing():
    running = known()
    halfway = asyncio.Event()

    async def file():
        yield PNG
        halfway.set()
        await asyncio.Event().wait()

    async with client(running) as web:
        task = asyncio.create_task(web.post(AT, content=file(), headers={**VICTIM, **said()}))
        await halfway.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert running.objects.kept == {}
    assert running.events == []
    assert running.tools.under_way == 0


async def test_bytes_that_could_not_be_forgotten_do_not_hide_the_refusal():
    class Stubborn(Bucket):
        async def delete(self, name):
            raise Unavailable("away")

    running = known(objects=Stubborn())
    running.failing = Unavailable("the store is away", retry_after=7)
    async with client(running) as web:
        answer = await web.post(AT, content=PNG, headers={**VICTIM, **said()})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_a_declaration_is_plain_ascii_on_the_wire():
    assert json.loads(said(author="é")["Recours-Exhibit"])["author"] == "é"
    assert said(author="é")["Recours-Exhibit"].isascii()
