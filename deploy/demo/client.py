"""Who plays the demonstration: people and partners, each through the public address alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared import ids
from shared.contracts.partners import PartnerMessage
from shared.errors import RecoursError
from shared.trust.jws import sign_compact
from shared.trust.signing import SigningKey

PATIENCE = 180.0
PAUSE = 0.1
AWAY = frozenset({502, 503, 504})
"""What a service or the gateway answers while something behind it is away; the same request may be sent again."""
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
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise Failed(f"This did not happen within {within:g} s: {what}.") from None


async def persistently(http: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
    """The answer to a request that changes nothing more when it is sent again (it has a key, or is of that kind).

    It is sent again, the same, as long as the connection breaks or something is away. Raises Failed after a while.
    """

    async def answered() -> httpx.Response | None:
        try:
            answer = await http.request(method, path, **request)
        except httpx.TransportError:
            return None
        return None if answer.status_code in AWAY else answer

    return await until(f"{method} {path} answers", answered)


@dataclass
class Person:
    """Somebody with a session. ``case`` is None for a member of the team."""

    http: httpx.AsyncClient
    session: str = ""
    case: str | None = None
    _signs_in: tuple[str, dict[str, Any]] | None = field(default=None, repr=False)

    async def sign_in(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Begin a session with what ``path`` asks for, kept in mind for the next time; gives its answer."""
        self.session = ""
        answer = await self._ask("POST", path, {"Idempotency-Key": ids.new()}, json=body)
        told: dict[str, Any] = _accepted("POST", path, answer).json()
        self.session = told["session"]
        own = {"code": told["code"], "passphrase": body["passphrase"]} if "code" in told else None
        self._signs_in = ("/api/sessions", own) if own else (path, body)
        return told

    async def again(self) -> None:
        """Begin another session as the last one was begun. Raises Failed where none was."""
        if self._signs_in is None:
            raise Failed("Nobody signed in here yet.")
        await self.sign_in(*self._signs_in)

    def leave(self) -> None:
        """Forget the session; the next request begins another, when a sign-in is kept in mind."""
        self.session = ""

    async def get(self, path: str) -> Any:
        return (await self.call("GET", path)).json()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.call("POST", path, json={} if body is None else body)
        return answer.json() if answer.content else None

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request, repeated under its key while something is away, and once more when the session has ended.

        Raises Failed on a refusal.
        """
        headers = {"Idempotency-Key": ids.new(), **request.pop("headers", {})}
        if not self.session and self._signs_in is not None:
            await self.sign_in(*self._signs_in)
        answer = await self._ask(method, path, headers, **request)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self._signs_in is not None:
            await self.sign_in(*self._signs_in)
            answer = await self._ask(method, path, headers, **request)
        return _accepted(method, path, answer)

    async def _ask(self, method: str, path: str, headers: dict[str, str], **request: Any) -> httpx.Response:
        pieces: Callable[[], AsyncIterator[bytes]] | None = request.pop("pieces", None)
        own = {**headers, "Authorization": f"Bearer {self.session}"} if self.session else headers
        content = None if pieces is None else _Pieces(pieces)
        return await persistently(self.http, method, path, headers=own, content=content, **request)

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


class _Pieces:
    """A body that is read from its beginning each time it is sent."""

    def __init__(self, pieces: Callable[[], AsyncIterator[bytes]]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces()


def _accepted(method: str, path: str, answer: httpx.Response) -> httpx.Response:
    """``answer``, unless it is a refusal: then Failed is raised."""
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise Failed(f"{method} {path}: {answer.status_code} {_reason(answer)}")
    return answer


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
        """Sign and publish; returns once the bus has it, perhaps twice, which means no more. Raises Failed."""
        token = sign_compact(self._key, PARTNER_TYP, message.model_dump(mode="json", exclude_none=True))

        async def published() -> bool:
            producer = AIOKafkaProducer(bootstrap_servers=self._bus, acks="all", enable_idempotence=False)
            try:
                await producer.start()
                await producer.send_and_wait(message.topic, token.encode(), key=message.partner.encode())
            except KafkaError:
                return False
            finally:
                await producer.stop()
            return True

        await until("the bus takes the partner's message", published)
