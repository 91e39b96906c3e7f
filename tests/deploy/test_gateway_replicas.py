"""A service of two replicas behind the gateway: both serve, and one that is away is passed over."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial

import httpx
import pytest
import uvicorn

from deploy.embedded import probes, replicas
from deploy.embedded.gateway import Gateway
from tests.deploy.processes import free_ports, until

pytestmark = pytest.mark.loopback


class Replica:
    """Answers each request with its name; ``ready`` is what it says of itself; counts what it was sent."""

    def __init__(self, name, port):
        self.name, self.port, self.ready, self.seen = name, port, True, []
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            method, path, _ = head.decode().split(" ", 2)
            status = b"200 OK"
            if path == "/readyz":
                status = b"200 OK" if self.ready else b"503 Away"
            else:
                self.seen.append(method)
            if not path.endswith("/breaks"):
                body = self.name.encode()
                writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
                writer.write(body)
                await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def two(tmp_path, monkeypatch):
    monkeypatch.setattr(replicas, "LOOK_AGAIN", 0.05)
    at = free_ports(tmp_path, "gateway", "one", "two")
    both = [Replica(name, at[name]) for name in ("one", "two")]
    async with AsyncExitStack() as stack:
        for one in both:
            await one.start()
            stack.push_async_callback(one.stop)
        addresses = ",".join(f"127.0.0.1:{one.port}" for one in both)
        gateway = Gateway({"legal": addresses}, addresses)
        server = uvicorn.Server(
            uvicorn.Config(gateway, host="127.0.0.1", port=at["gateway"], log_config=None, access_log=False)
        )
        running = asyncio.create_task(server.serve())
        await until(partial(probes.listening, at["gateway"]))
        url = f"http://127.0.0.1:{at['gateway']}"
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20, trust_env=False))
        yield client, *both
        server.should_exit = True
        await running


async def answers(client, method="GET", count=10):
    found = [await client.request(method, "/legal/x") for _ in range(count)]
    assert {one.status_code for one in found} == {200}
    return Counter(one.text for one in found)


async def test_both_replicas_serve(two):
    client, _, _ = two
    assert await answers(client) == {"one": 5, "two": 5}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_request_fails_when_one_replica_does_not_accept(two, method):
    client, one, _ = two
    await one.stop()
    assert await answers(client, method) == {"two": 10}
    await one.start()

    async def back():
        return "one" in await answers(client, count=2)

    await until(back)


async def test_a_replica_that_is_not_ready_gets_nothing(two):
    client, one, _ = two
    one.ready = False

    async def out():
        return await answers(client, count=2) == {"two": 2}

    await until(out)
    assert await answers(client) == {"two": 10}


async def test_what_was_only_asked_is_asked_of_the_other_where_one_breaks_off(two):
    client, one, other = two
    assert (await client.get("/legal/breaks")).status_code == 503
    assert sorted(one.seen + other.seen) == ["GET", "GET"]


async def test_what_was_sent_is_never_sent_a_second_time(two):
    client, one, other = two
    assert (await client.post("/legal/breaks", json={})).status_code == 503
    assert sorted(one.seen + other.seen) == ["POST"]


async def test_with_none_that_is_ready_each_is_still_tried(two):
    client, one, other = two
    one.ready = other.ready = False
    await asyncio.sleep(0.2)  # several questions, to which both say no
    assert sum((await answers(client)).values()) == 10
