"""Sealing with age (age-encryption.org/v1, X25519): only who holds the case's identity of a purpose can read.

Small values are base64 text of an age ciphertext of UTF-8 JSON. Files are streamed in age's binary form, 64 KiB a
chunk, each chunk authenticated, so that memory stays flat.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import secrets
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import CancelledError, Future
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, cast

import pyrage
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import BrokenContract

SALT_BYTES = 32
_OUT_BYTES = 256 * 1024
_QUEUED = 4


class Purpose(StrEnum):
    """What a sealed value is for; a case has one identity per purpose."""

    CONTACT = "contact"
    ACCOUNT = "account"
    EVIDENCE = "evidence"
    AUTHORS = "authors"


OPENERS: Mapping[str, frozenset[Purpose]] = MappingProxyType(
    {
        "intake": frozenset(Purpose),
        "evidence": frozenset({Purpose.EVIDENCE}),
        "legal": frozenset({Purpose.CONTACT, Purpose.EVIDENCE, Purpose.AUTHORS}),
        "billing": frozenset({Purpose.CONTACT}),
        "notify": frozenset({Purpose.CONTACT}),
    }
)
"""Which purposes each service may open. The keyring's policies are made from this table."""


class Identity(BaseModel):
    """A new age identity: ``secret`` (AGE-SECRET-KEY-1...) opens what was sealed to ``recipient`` (age1...)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str = Field(repr=False)
    recipient: str


class Readable(Protocol):
    """A binary reader; ``read(n)`` gives at most ``n`` bytes, and none at the end."""

    def read(self, size: int = -1, /) -> bytes: ...


class Writable(Protocol):
    """A binary writer that takes all it is given."""

    def write(self, data: bytes, /) -> int: ...


def new_identity() -> Identity:
    """A fresh X25519 identity."""
    identity = pyrage.x25519.Identity.generate()
    return Identity(secret=str(identity), recipient=str(identity.to_public()))


def seal(value: Any, *recipients: str) -> str:
    """Base64 text that only ``recipients`` (age1...) can open.

    ``value`` is anything that JSON can say. Raises BrokenContract for a recipient that is none, ValueError or
    TypeError for a value outside JSON.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(pyrage.encrypt(text.encode(), _recipients(recipients))).decode()


def open_sealed(sealed: str, identity_secret: str) -> Any:
    """The value that ``seal`` closed. Raises BrokenContract: not sealed text, altered, or sealed for another."""
    identity = _identity(identity_secret)
    try:
        return json.loads(pyrage.decrypt(base64.b64decode(sealed, validate=True), [identity]))
    except (pyrage.DecryptError, binascii.Error, ValueError):
        raise BrokenContract(
            "This sealed value cannot be opened with this key: it was altered, or sealed for another purpose or case."
        ) from None


def commitment(salt: bytes, digest: bytes) -> str:
    """Hex SHA-256(salt || digest): shows later that a file was this one, and reveals nothing before.

    ``digest`` is the file's 32-byte SHA-256 and ``salt`` has 32 random bytes. Raises ValueError on other lengths,
    without which two pairs could share a commitment.
    """
    if len(salt) != SALT_BYTES or len(digest) != 32:
        raise ValueError("A commitment is made of a 32-byte salt and a 32-byte SHA-256 digest.")
    return hashlib.sha256(salt + digest).hexdigest()


def new_salt() -> bytes:
    """32 random bytes for ``commitment``."""
    return secrets.token_bytes(SALT_BYTES)


def seal_stream(reader: Readable, writer: Writable, *recipients: str) -> None:
    """Seal all that ``reader`` gives into ``writer``, in flat memory. Blocking: call it in a thread.

    What reader or writer raise comes out unchanged.
    """
    ends = _Ends(reader, writer)
    try:
        pyrage.encrypt_io(ends, ends, _recipients(recipients))
    except (pyrage.EncryptError, OSError):
        if ends.error is not None:
            raise ends.error from None
        raise


def open_stream(reader: Readable, writer: Writable, identity_secret: str) -> None:
    """Open a sealed stream. Blocking. What was written is whole only once this returns.

    Raises BrokenContract: altered, cut short, or sealed for another.
    """
    identity = _identity(identity_secret)
    ends = _Ends(reader, writer)
    try:
        pyrage.decrypt_io(ends, ends, [identity])
    except (pyrage.DecryptError, OSError):
        if ends.error is not None:
            raise ends.error from None
        raise BrokenContract(
            "This sealed file cannot be opened: it was altered, cut short, or sealed for another."
        ) from None


def seal_chunks(chunks: AsyncIterator[bytes], recipient: str) -> AsyncGenerator[bytes, None]:
    """``chunks`` sealed to ``recipient``, about 256 KiB at a time; memory is flat however long the file.

    An exception of ``chunks`` comes out unchanged. Raises BrokenContract for a recipient that is none.
    """
    _recipients([recipient])
    return _through(chunks, lambda reader, writer: seal_stream(reader, writer, recipient))


def open_chunks(chunks: AsyncIterator[bytes], identity_secret: str) -> AsyncGenerator[bytes, None]:
    """The bytes that ``seal_chunks`` sealed. Only the end of the iteration says that the file is whole.

    Raises BrokenContract in the middle for an altered chunk, and at the end for a file cut short.
    """
    _identity(identity_secret)
    return _through(chunks, lambda reader, writer: open_stream(reader, writer, identity_secret))


async def _through(
    chunks: AsyncIterator[bytes], work: Callable[[Readable, Writable], None]
) -> AsyncGenerator[bytes, None]:
    bridge = _Bridge(asyncio.get_running_loop(), chunks)
    # A thread of its own: a slow upload must not hold one of the default executor's few.
    threading.Thread(target=bridge.run, args=(work,), name="age-stream", daemon=True).start()
    try:
        while (out := await bridge.produced.get()) is not None:
            yield out
        if bridge.error is not None:
            raise bridge.error
    finally:
        bridge.close()


class _Bridge:
    """Pulls an async iterator from a thread, and gives the thread's output back through a bounded queue."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chunks: AsyncIterator[bytes]) -> None:
        self._loop = loop
        self._chunks = chunks
        self._input = bytearray()
        self._output = bytearray()
        self._lock = threading.Lock()
        self._waiting: Future[Any] | None = None
        self._closed = False
        self.produced: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
        self.error: BaseException | None = None

    def run(self, work: Callable[[Readable, Writable], None]) -> None:
        try:
            work(self, self)
            if self._output:
                self._wait(self.produced.put(bytes(self._output)))
        except BaseException as error:  # whatever it is belongs to the consumer, who re-raises it
            self.error = error
        try:
            self._wait(self.produced.put(None))
        except (CancelledError, RuntimeError):
            return  # nobody listens any more

    def read(self, size: int = -1) -> bytes:
        while not self._input:
            chunk = self._wait(self._next())
            if chunk is None:
                return b""
            self._input += chunk
        taken = bytes(self._input[:size] if size >= 0 else self._input)
        del self._input[: len(taken)]
        return taken

    def write(self, data: bytes) -> int:
        self._output += data
        if len(self._output) >= _OUT_BYTES:
            self._wait(self.produced.put(bytes(self._output)))
            self._output.clear()
        return len(data)

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)

    def _wait(self, step: Any) -> Any:
        with self._lock:
            if self._closed:
                step.close()
                raise CancelledError
            try:
                self._waiting = asyncio.run_coroutine_threadsafe(step, self._loop)
            except RuntimeError:  # the loop ended before its consumers
                step.close()
                raise
        return self._waiting.result()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._waiting is not None:
                self._waiting.cancel()


class _Ends:
    """Reader and writer for pyrage, which turns their errors into its own: the first is remembered."""

    def __init__(self, reader: Readable, writer: Writable) -> None:
        self._reader = reader
        self._writer = writer
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._reader.read(size)
        except BaseException as error:
            self.error = self.error or error
            raise

    def write(self, data: bytes) -> int:
        try:
            self._writer.write(data)
        except BaseException as error:
            self.error = self.error or error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


def _identity(secret: str) -> Any:
    try:
        return pyrage.x25519.Identity.from_str(secret)
    except pyrage.IdentityError:
        raise BrokenContract("This is not an age identity: read it again from the keyring.") from None


def _recipients(recipients: Any) -> list[Any]:
    if not recipients:
        raise BrokenContract("Sealing needs at least one recipient: take it from the case's public keys.")
    try:
        return [pyrage.x25519.Recipient.from_str(cast("str", one)) for one in recipients]
    except pyrage.RecipientError:
        raise BrokenContract("This is not an age recipient: take it from the case's public keys.") from None
