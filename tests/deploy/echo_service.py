"""A service of the tests: ``python -m tests.deploy.echo_service`` with RECOURS_LISTEN_PORT. Says what it was sent."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from pathlib import Path

import uvicorn

from deploy.embedded import probes

BLOCK = bytes(range(256)) * 256
seen = {"left": 0}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and "ECHO_FAREWELL" in os.environ:
                store = int(os.environ["RECOURS_STORE"].rpartition(":")[2].partition("/")[0])
                Path(os.environ["ECHO_FAREWELL"]).write_text("store answers" if await probes.listening(store) else "")
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path.endswith("/download"):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(int(scope["query_string"])):
            await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
        await send({"type": "http.response.body"})
        return
    if path.endswith("/broken"):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        os._exit(1)
    if path.endswith("/early"):
        await _answer(send, 413, {"early": True})
        return
    digest, size = hashlib.sha256(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            seen["left"] += 1
            return
        digest.update(message.get("body", b""))
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    if path.endswith("/slow"):
        async with asyncio.timeout(30):
            await _gone(receive)
        seen["left"] += 1
        return
    body = {
        "service": os.environ.get("ECHO_NAME", ""),
        "target": (scope["raw_path"] + b"?" + scope["query_string"]).decode("latin1"),
        "headers": [[name.decode(), value.decode("latin1")] for name, value in scope["headers"]],
        "size": size,
        "sha256": digest.hexdigest(),
        "left": seen["left"],
    }
    await _answer(send, 200, body)


async def _gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send, status, content):
    headers = [
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"connection", b"x-hop"),
        (b"x-hop", b"1"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["RECOURS_LISTEN_PORT"]), log_level="warning")
