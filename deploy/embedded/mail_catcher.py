"""Mail catcher: accepts every mail on loopback and keeps each as ``<time>-<n>.eml``; none leaves the machine.

``python -m deploy.embedded.mail_catcher --host 127.0.0.1 --port N --into DIRECTORY``. A mail is on disk before its
sender reads ``250``. The envelope stands in front as ``X-Envelope-From`` and ``X-Envelope-To``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from shared import clock

from .files import private_directory, write_atomically

LIMIT = 30 * 1024 * 1024


class Box:
    """aiosmtpd's handler: writes what arrives into ``into``."""

    def __init__(self, into: Path) -> None:
        self._into = private_directory(into)
        self._numbers = itertools.count(1)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keeps one mail; the answer to its sender."""
        name = f"{clock.now():%Y%m%dT%H%M%S%f}-{next(self._numbers)}.eml"
        head = [f"X-Envelope-From: {envelope.mail_from}", *(f"X-Envelope-To: {to}" for to in envelope.rcpt_tos)]
        content = "\r\n".join([*head, ""]).encode() + bytes(envelope.original_content)
        try:
            await asyncio.to_thread(write_atomically, self._into / name, content)
        except OSError:
            return "451 The mail could not be kept; try again later"
        return "250 Kept"


async def serve(host: str, port: int, into: Path) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    box = Box(into)
    server = await loop.create_server(
        lambda: SMTP(box, hostname="localhost", data_size_limit=LIMIT, enable_SMTPUTF8=True, loop=loop), host, port
    )
    async with server:
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Keeps every mail as a file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(serve(given.host, given.port, given.into))


if __name__ == "__main__":
    main()
