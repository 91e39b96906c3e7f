"""Who plays the demonstration: people and partners, each through the public address alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from aiokafka import AIOKafkaProducer

from shared import ids
from shared.contracts.partners import PartnerMessage
from shared.errors import RecoursError
from shared.trust.jws import sign_compact
from shared.trust.signing import SigningKey

PATIENCE = 60.0
PARTNER_TYP = "recours-partner+jwt"
T = TypeVar("T")


class Failed(RecoursError):
    """A step of the demonstration did not come out as it must."""

    code = "demo-failed"


async def until(what: str, look: Callable[[], Awaitable[T | None]], within: float = PATIENCE) -> T:
    """The first thing that ``look`` finds. Raises Failed after ``within`` seconds."""
    try:
        async with asyncio.timeout(within):
            while True:
                found = await look()
                if found:
                    return found
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Failed(f"This did not happen within {within:g} s: {what}.") from None


@dataclass
class Person:
    """Somebody with a session. ``case`` is None for a member of the team."""

    http: httpx.AsyncClient
    session: str = ""
    case: str | None = None

    async def sign_in(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Begin a session with what ``path`` asks for; gives its answer."""
        told: dict[str, Any] = (await self.call("POST", path, json=body)).json()
        self.session = told["session"]
        return told

    async def get(self, path: str) -> Any:
        return (await self.call("GET", path)).json()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.call("POST", path, json={} if body is None else body)
        return answer.json() if answer.content else None

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request, repeated as long as the service says that it catches up (503). Raises Failed on a refusal."""
        headers = {"Idempotency-Key": ids.new(), **request.pop("headers", {})}
        if self.session:
            headers["Authorization"] = f"Bearer {self.session}"

        pieces: Callable[[], AsyncIterator[bytes]] | None = request.pop("pieces", None)

        async def answered() -> httpx.Response | None:
            body = None if pieces is None else pieces()
            answer = await self.http.request(method, path, headers=headers, content=body, **request)
            return None if answer.status_code in {502, 503, 504} else answer

        answer = await until(f"{method} {path} answers", answered)
        if answer.status_code >= 400:
            raise Failed(f"{method} {path}: {answer.status_code} {_reason(answer)}")
        return answer

    async def upload(self, path: str, content: bytes, declaration: dict[str, Any]) -> dict[str, Any]:
        """Deposit a file in pieces, as a browser streams it."""

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 65_536):
                yield content[start : start + 65_536]

        said = json.dumps(declaration)
        headers = {"Recours-Exhibit": said, "Content-Type": "application/octet-stream"}
        answer = await self.call("POST", path, pieces=pieces, headers=headers)
        deposited: dict[str, Any] = answer.json()
        return deposited


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return "without a reason"
    return " ".join(str(problem[name]) for name in ("code", "field", "detail") if problem.get(name))


class PartnerVoice:
    """A partner that publishes signed messages on the bus."""

    def __init__(self, bus: str, key: SigningKey) -> None:
        self._bus = bus
        self._key = key

    async def say(self, message: PartnerMessage) -> None:
        """Sign and publish; returns once the bus has it."""
        token = sign_compact(self._key, PARTNER_TYP, message.model_dump(mode="json", exclude_none=True))
        producer = AIOKafkaProducer(bootstrap_servers=self._bus, acks="all", enable_idempotence=False)
        await producer.start()
        try:
            await producer.send_and_wait(message.topic, token.encode(), key=message.partner.encode())
        finally:
            await producer.stop()
