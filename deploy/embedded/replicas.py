"""A service's replicas as the gateway sees them: taken in turn, those that are ready first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

LOOK_AGAIN = 1.0
"""Seconds between two questions whether a replica is ready; in between, one that does not accept is passed over."""
_ANSWER_WITHIN = 2.0


class Replicas:
    """``host:port`` of each. A service with one replica is never asked: whoever calls it hears what it says."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._ready = set(self._addresses)
        self._turn = 0

    def in_turn(self) -> tuple[str, ...]:
        """All of them in the order to be tried in: another ready one first each time, then those that are not."""
        self._turn += 1
        start = self._turn % len(self._addresses)
        rotated = self._addresses[start:] + self._addresses[:start]
        return tuple(sorted(rotated, key=lambda one: one not in self._ready))

    def passed_over(self, address: str) -> None:
        """Takes a replica that did not accept out of its turn, until it is ready again."""
        self._ready.discard(address)

    async def watch(self, transport: httpx.AsyncBaseTransport) -> None:
        """Asks each again and again whether it is ready; never ends where there are several."""
        while len(self._addresses) > 1:
            answers = await asyncio.gather(*(_is_ready(transport, one) for one in self._addresses))
            self._ready = {one for one, ready in zip(self._addresses, answers, strict=True) if ready}
            await asyncio.sleep(LOOK_AGAIN)


async def _is_ready(transport: httpx.AsyncBaseTransport, address: str) -> bool:
    times = dict.fromkeys(("connect", "read", "write", "pool"), _ANSWER_WITHIN)
    request = httpx.Request("GET", f"http://{address}/readyz", extensions={"timeout": times})
    try:
        answer = await transport.handle_async_request(request)
        await answer.aread()
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def replicas(text: str) -> Replicas:
    """``HOST:PORT,HOST:PORT`` as it stands on the command line."""
    return Replicas(text.split(","))
