"""The reference of an upload: the body goes to put_object as it comes, and nothing else is done with it.

``python -m tests.bench.bare_upload PORT``, with a service's settings in the environment. Like evidence it is an ASGI
application on uvicorn; a thread of minio's client pulls what the loop receives, in parts of the same size.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from typing import Any

import urllib3
import uvicorn
from minio import Minio

from shared.objects import PART_BYTES
from shared.settings import Settings, read

WAITING = 64
"""Chunks that may wait for the thread."""


class _Body:
    """What ``put_object`` reads from."""

    def __init__(self) -> None:
        self.chunks: queue.Queue[bytes] = queue.Queue(WAITING)
        self._left = b""

    def read(self, size: int) -> bytes:
        found: list[bytes] = []
        lacking = size
        while lacking:
            chunk = self._left or self.chunks.get()
            if not chunk:
                break
            found.append(chunk[:lacking])
            self._left = chunk[lacking:]
            lacking -= len(found[-1])
        return b"".join(found)


class Application:
    """POST /BUCKET/NAME stores, GET /readyz says that it is there."""

    def __init__(self, settings: Settings) -> None:
        self._client = Minio(
            settings.objects,
            settings.objects_access,
            settings.objects_secret.get_secret_value(),
            secure=False,
            region=settings.objects_region,
            http_client=urllib3.PoolManager(maxsize=32),
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        status = 200
        if scope["method"] == "POST":
            _, bucket, name = scope["path"].split("/")
            length = int(dict(scope["headers"])[b"content-length"])
            await self._store(bucket, name, length, receive)
            status = 201
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _store(self, bucket: str, name: str, length: int, receive: Any) -> None:
        body: Any = _Body()
        storing = asyncio.create_task(
            asyncio.to_thread(self._client.put_object, bucket, name, body, length, part_size=PART_BYTES)
        )
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            chunk = message.get("body", b"")
            if chunk:
                try:
                    body.chunks.put_nowait(chunk)
                except queue.Full:
                    await asyncio.to_thread(body.chunks.put, chunk)
        body.chunks.put_nowait(b"") if not body.chunks.full() else await asyncio.to_thread(body.chunks.put, b"")
        await storing


if __name__ == "__main__":
    uvicorn.run(
        Application(read()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
        lifespan="off",
    )
