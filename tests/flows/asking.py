"""Requests as somebody hostile or mistaken sends them, and what every refusal has to look like."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx

from deploy.demo.client import Person
from shared import ids

MARK = "Zq7-intrus"
"""Stands in what is sent; no answer may repeat it."""
NEXT = re.compile(
    r"\b(accept|ask|begin|call|change|check|choose|come|correct|exchange|file|give|has to|have|invite|look|move|name|"
    r"open|put|read|say|schedule|send|shorten|sign|take|talk|tell|try|type|use|wait|work|write)\b",
    re.IGNORECASE,
)
"""A refusal says what to do: at least one of these words."""


async def ask(
    http: httpx.AsyncClient, session: str, method: str, path: str, *, key: str | None = None, **request: Any
) -> httpx.Response:
    """One request, repeated while a service catches up. The client's cookies are somebody else's: none is sent."""
    headers = {**request.pop("headers", {}), **({"Idempotency-Key": key} if key else {})}
    if session:
        headers["Authorization"] = f"Bearer {session}"
    async with asyncio.timeout(20):
        while True:
            http.cookies.clear()
            answer = await http.request(method, path, headers=headers, **request)
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(0.1)


def refused(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    """``answer`` is problem+json that says which code, which field, what to do next, and nothing of what was sent."""
    assert (answer.status_code, _code(answer)) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["type"] == f"urn:recours:problem:{code}"
    assert said["status"] == status
    assert said.get("field") == field
    assert said["detail"].endswith(".")
    assert NEXT.search(said["detail"]), f"it does not say what to do: {said['detail']}"
    assert MARK.lower() not in answer.text.lower()
    assert "traceback" not in answer.text.lower()


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code"))
    except json.JSONDecodeError:
        return "(no JSON)"


async def deposit(person: Person, content: bytes, key: str | None = None, **declared: Any) -> httpx.Response:
    """An exhibit as the person's program sends it; what is declared may be anything."""
    said = {"may_show_minor_sexually": False, "kind": "message", "shows": ["content"], "name": "note.txt", **declared}
    headers = {"Recours-Exhibit": json.dumps(said), "Content-Type": "application/octet-stream"}
    path = f"/evidence/api/cases/{person.case}/exhibits"
    return await ask(person.http, person.session, "POST", path, key=key or ids.new(), content=content, headers=headers)


async def raw(port: int, head: str, body: bytes, *, close: bool) -> bytes:
    """Bytes on a socket, then either a hard close or the end of what is sent; gives what came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        await writer.drain()
        if close:
            writer.transport.abort()
            return b""
        writer.write_eof()
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
