"""Idempotency-Key: a repeated request gets the first one's answer, and does nothing twice.

The answer is stored sealed to the case's key, in the transaction of the command it answers, for 24 hours: it is
readable neither by the store nor after the case's erasure. The comparison is by a keyed hash of the request.
Source: draft-ietf-httpapi-idempotency-key-header, sections 2.1 to 2.6.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from shared import clock
from shared.contracts.intake import PurposeName
from shared.errors import RecoursError, Refused
from shared.runtime.answers import Answer
from shared.trust.sealing import seal
from shared.web.access import viewer
from shared.web.running import Running

HEADER: Final = "Idempotency-Key"
KEPT: Final = timedelta(hours=24)
SECRET: Final = "hmac-pepper"  # noqa: S105 - the secret's name in the keyring
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]{16,100}")
_HEADERS: Final = ("content-type", "location")

Keep: TypeAlias = Callable[..., Answer | None]
"""``keep(response, recipient, case)`` gives what ``running.carry_out(..., answer=...)`` stores; None without a key."""

Act: TypeAlias = Callable[[Keep], Awaitable[Response]]

_UNDER_WAY: Final[dict[tuple[str, str], asyncio.Event]] = {}
"""Requests that this process carries out now, by service and answer; set once they have ended."""


async def once(
    running: Running,
    request: Request,
    case: str | None,
    purpose: PurposeName,
    body: bytes,
    act: Act,
    *,
    key: str | None = None,
    waits: bool = True,
) -> Response:
    """The response of ``act``, or that of the same request before it.

    Sent again while the first is still under way (a gateway's patience ended before a queue of slow hashes did), it
    waits for that one in place of doing the same work beside it.

    Args:
        running: the service; its keyring gives the secret of the comparison.
        request: the request, whose Idempotency-Key header counts; on a new case its session does not, since whoever
            got the first answer without seeing it carries that case's session when sending again.
        case: the case, None when the request opens one.
        purpose: the purpose whose key seals the answer; the service must be allowed to open it.
        body: the request's bytes.
        act: draws ids, makes the response, and carries out ONE command with ``answer=keep(response, recipient)``,
            ``recipient`` being the case's age recipient of ``purpose``; one that opens a case adds ``case=its id``.
        key: the key of a form, which sends no such header.
        waits: False where the first may be a transfer that broke off and that nobody has noticed yet.

    Raises:
        Refused: ``idempotency-key-malformed``, or ``idempotency-key-reused`` (a conflict) for another request.
    """
    key = request.headers.get(HEADER, key)
    if key is None:
        return await act(_forget)
    if not _KEY.fullmatch(key):
        raise Refused(
            "idempotency-key-malformed",
            "Send an Idempotency-Key of 16 to 100 letters, digits or . _ : - such as a random UUID.",
            field=HEADER,
        )
    scope = _scope(request, case, purpose)
    fingerprint = await _fingerprint(running, request, scope, body)
    mine = (running.service.name, answer_id(scope, key))
    while (before := await _replayed(running, scope, key, fingerprint)) is None and waits and mine in _UNDER_WAY:
        await _UNDER_WAY[mine].wait()
    if before is not None:
        return before

    def keep(response: Response, recipient: str, case: str | None = case) -> Answer:
        if case is None:
            raise ValueError("An answer about a new case names the case, whose key opens it.")
        told = {
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in _HEADERS if name in response.headers},
            "body": base64.b64encode(bytes(response.body)).decode(),
        }
        sealed = f"{case}/{purpose}/{seal(told, recipient)}"
        return Answer(answer_id(scope, key), fingerprint, sealed, clock.now() + KEPT)

    ended = asyncio.Event()
    if waits:
        _UNDER_WAY[mine] = ended
    try:
        return await act(keep)
    except RecoursError:
        # The same request sent twice at once: the other may have been carried out meanwhile.
        meanwhile = await _replayed(running, scope, key, fingerprint)
        if meanwhile is None:
            raise
        return meanwhile
    finally:
        ended.set()
        if _UNDER_WAY.get(mine) is ended:
            del _UNDER_WAY[mine]


def answer_id(scope: str, key: str) -> str:
    """The id under which an answer is stored: scope and key."""
    return f"{scope}/{key}"


def _scope(request: Request, case: str | None, purpose: PurposeName) -> str:
    if case is None:
        return f"new/{purpose}"
    session = viewer(request)
    return f"{case}/{purpose}/{session.sub if session else 'anonymous'}"


def _forget(_response: Response, _recipient: str, **_case: str | None) -> None:
    return None


async def _replayed(running: Running, scope: str, key: str, fingerprint: str) -> Response | None:
    known = await running.answers.find(scope, key)
    if known is None or known.expires <= clock.now():
        return None
    if not hmac.compare_digest(known.body_hmac, fingerprint):
        raise Refused(
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request: send this one with a new key.",
            field=HEADER,
            conflict=True,
        )
    case, purpose, sealed = known.sealed.split("/", 2)
    told = await running.reveal(case, purpose, sealed)
    headers = {**told["headers"], "Idempotency-Replayed": "true"}
    return Response(base64.b64decode(told["body"]), told["status"], headers)


async def _fingerprint(running: Running, request: Request, scope: str, body: bytes) -> str:
    pepper = await running.keyring.secret(running.service.name, SECRET)
    head = f"idempotency\n{scope}\n{request.method}\n{request.url.path}\n{request.url.query}\n".encode()
    return hmac.new(pepper.encode(), head + body, hashlib.sha256).hexdigest()
