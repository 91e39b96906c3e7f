"""A service that accepts and says nothing, as a frozen one does (SIGSTOP): on real sockets, within this process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import uvicorn

from deploy.embedded import probes
from deploy.embedded.gateway import Gateway, Patience
from tests.deploy.processes import free_ports, until

pytestmark = pytest.mark.loopback

PATIENCE = Patience(connect=1.0, reading=0.3, working=0.3, stalled=5.0)
LONGER = 0.9
HTML = {"Accept": "text/html,*/*;q=0.8"}


@asynccontextmanager
async def before(service, tmp_path):
    """A client of the gateway before ``service(reader, writer)``, which serves one connection."""
    serving = []

    async def served(reader, writer):
        serving.append(asyncio.current_task())
        try:
            await service(reader, writer)
        finally:
            writer.close()

    upstream = await asyncio.start_server(served, "127.0.0.1", 0)
    address = f"127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    port = free_ports(tmp_path, "gateway")["gateway"]
    config = uvicorn.Config(
        Gateway({"legal": address}, address, PATIENCE), host="127.0.0.1", port=port, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(partial(probes.listening, port))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        await running
        upstream.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def silent(reader, writer):
    while await reader.read(65536):
        pass


async def takes_slowly_and_answers(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"chunked" in head.lower()
    size = 0
    while length := int(await reader.readline(), 16):
        size += len(await reader.readexactly(length + 2)) - 2
    await reader.readline()
    body = str(size).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()


async def answers_in_drops(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    for _ in range(2):
        await asyncio.sleep(LONGER)
        writer.write(b"x")
        await writer.drain()


async def test_the_page_of_a_silent_service_says_that_it_is_away_for_a_moment(tmp_path):
    async with before(silent, tmp_path) as client:
        page = await client.get("/legal/cases/1", headers={**HTML, "Accept-Language": "fr"})
        english = await client.get("/legal/cases/1", headers={**HTML, "Accept-Language": "en"})
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert "Momentanément indisponible" in page.text
    assert "112" in page.text
    assert 'id="quick-exit"' in page.text
    assert "Unavailable for a moment" in english.text


async def test_a_program_gets_a_problem_from_a_silent_service(tmp_path):
    async with before(silent, tmp_path) as client:
        answer = await client.get("/legal/api/x")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"


async def test_what_a_silent_service_was_sent_is_not_said_to_be_lost_or_kept(tmp_path):
    async with before(silent, tmp_path) as client:
        page = await client.post("/legal/cases/1/x", headers={**HTML, "Accept-Language": "fr"}, content=b"a=1")
    assert page.status_code == 503
    assert "Nous ne savons pas si votre dernier envoi" in page.text


async def test_an_upload_that_takes_longer_than_the_patience_succeeds(tmp_path):
    async def body():
        for _ in range(3):
            yield b"x" * 1000
            await asyncio.sleep(LONGER / 2)

    async with before(takes_slowly_and_answers, tmp_path) as client:
        answer = await client.post("/legal/upload", content=body())
    assert (answer.status_code, answer.text) == (200, "3000")


async def test_a_download_that_takes_longer_than_the_patience_is_whole(tmp_path):
    async with before(answers_in_drops, tmp_path) as client:
        answer = await client.get("/legal/download")
    assert answer.text == "xx"
