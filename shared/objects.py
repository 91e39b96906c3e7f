"""A service's own bucket on any S3 server, over the synchronous minio client.

Names are ids only: nothing of a person, no path. Every transfer runs in flat memory: an upload holds a few chunks and
one part, a download one chunk. Nothing is stored of an upload that does not reach its end.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, Self, TypeVar, cast

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from pydantic import AwareDatetime, BaseModel, ConfigDict
from urllib3.exceptions import HTTPError

from shared.errors import NotFound, Unavailable
from shared.settings import Settings

PART_BYTES: Final = 8 * 1024 * 1024
CHUNK_BYTES: Final = 256 * 1024
WAITING_BYTES: Final = PART_BYTES
"""What an upload may hold beside its part while the server takes the part before."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchVersion"})
_BUCKET_THERE: Final = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_T = TypeVar("_T")


class ObjectFacts(BaseModel):
    """What the server says of an object. ``size`` in bytes as stored, ``modified`` aware."""

    model_config = ConfigDict(frozen=True)

    size: int
    modified: AwareDatetime


class Objects:
    """One bucket with its credentials. Use it as an async context manager, or ``close()`` it.

    Every call raises Unavailable when the server cannot do it now (nothing more is known than that), NotFound for an
    object that is not there, and ValueError for a name that is no id.

    Args:
        endpoint: host:port.
        bucket: the service's own.
        access: access key, ``secret`` its secret; ``secure``: over TLS.
    """

    def __init__(
        self, endpoint: str, bucket: str, *, access: str, secret: str, secure: bool = True, region: str = "us-east-1"
    ) -> None:
        self.bucket = bucket
        self._pool = urllib3.PoolManager(
            maxsize=32,
            timeout=urllib3.Timeout(connect=2, read=60),
            retries=urllib3.Retry(total=3, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504)),
        )
        self._client = Minio(
            endpoint, access_key=access, secret_key=secret, secure=secure, region=region, http_client=self._pool
        )
        # Not the loop's default threads: a slow server must hold up nobody else.
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="objects")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Transfers under way should have ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()

    async def ensure_bucket(self, *, object_lock: bool = False) -> None:
        """Make the bucket where it is absent. ``object_lock`` counts only then."""
        try:
            await self._call(
                lambda: self._client.make_bucket(bucket_name=self.bucket, object_lock=object_lock),
                but=_BUCKET_THERE,
            )
        except _Expected:
            return

    async def put(self, name: str, chunks: AsyncIterator[bytes], *, length: int | None = None) -> None:
        """Store ``chunks`` under ``name``, replacing what was there, only once they have all come.

        ``length`` in bytes where it is known. An exception of ``chunks`` comes out unchanged, a cancellation too; by
        then the server has been told to forget the parts. A cancellation after the last chunk may find the object
        stored: whoever cancels deletes. Raises ValueError when there are more or fewer bytes than ``length``.
        """
        checked(name)
        loop = asyncio.get_running_loop()
        pipe = _Pipe(loop)
        sent: asyncio.Future[None] = loop.create_future()
        # A thread of its own, for as long as the slowest sender takes.
        threading.Thread(
            target=_into, args=(sent, loop, lambda: self._send(name, pipe)), name="objects-put", daemon=True
        ).start()
        sent.add_done_callback(lambda _: pipe.reader_left())
        try:
            async for chunk in chunks if length is None else _measured(chunks, length):
                await pipe.write(chunk)
            pipe.end()
        except _ReaderLeft:
            pass
        except BaseException:
            pipe.fail()
            await _ended(sent)
            raise
        try:
            await asyncio.shield(sent)
        except asyncio.CancelledError:
            await _ended(sent)
            raise
        except Exception as error:
            raise _meaning(error) from error

    async def get(self, name: str) -> AsyncIterator[bytes]:
        """The object in chunks of at most 256 KiB. Errors come with the first chunk, or where a transfer breaks."""
        checked(name)
        response: Any = await self._call(lambda: self._client.get_object(bucket_name=self.bucket, object_name=name))
        try:
            while chunk := await self._call(lambda: cast("bytes", response.read(CHUNK_BYTES))):
                yield chunk
        finally:
            response.close()
            response.release_conn()

    async def stat(self, name: str) -> ObjectFacts:
        """Size and time of the object."""
        checked(name)
        found = await self._call(lambda: self._client.stat_object(bucket_name=self.bucket, object_name=name))
        return ObjectFacts(size=cast("int", found.size), modified=cast("datetime", found.last_modified))

    async def delete(self, name: str) -> None:
        """Delete the object in all its versions; nothing happens when it is not there."""
        checked(name)
        try:
            await self._call(lambda: self._remove(name), but=_ABSENT)
        except _Expected:
            return

    async def names(self, prefix: str) -> list[str]:
        """The names that begin with ``prefix`` (an id), sorted."""
        checked(prefix)
        found = await self._call(
            lambda: [
                cast("str", one.object_name)
                for one in self._client.list_objects(bucket_name=self.bucket, prefix=prefix, recursive=True)
            ]
        )
        return sorted(found)

    def _send(self, name: str, pipe: _Pipe) -> None:
        self._client.put_object(
            bucket_name=self.bucket,
            object_name=name,
            data=pipe,  # type: ignore[arg-type]  # only read() is asked of it
            # Never a known length: the server must not complete the object before the pipe's end is seen.
            length=-1,
            part_size=PART_BYTES,
            num_parallel_uploads=1,
        )

    def _versions(self, name: str) -> list[str | None]:
        found = self._client.list_objects(bucket_name=self.bucket, prefix=name, recursive=True, include_version=True)
        return [one.version_id for one in found if one.object_name == name]

    def _remove(self, name: str) -> None:
        # A bucket with object lock keeps versions: a plain delete would only hide the bytes.
        for version in self._versions(name):
            self._client.remove_object(bucket_name=self.bucket, object_name=name, version_id=version)

    async def _call(self, work: Callable[[], _T], *, but: frozenset[str] = frozenset()) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except S3Error as error:
            if error.code in but:
                raise _Expected from None
            raise _meaning(error) from error
        except (MinioException, HTTPError, OSError) as error:
            raise _meaning(error) from error


def objects_of(settings: Settings, service: str) -> Objects:
    """``service``'s own bucket, as the settings say."""
    return Objects(
        settings.objects,
        settings.bucket(service),
        access=settings.objects_access,
        secret=settings.objects_secret.get_secret_value(),
        secure=settings.objects_secure,
        region=settings.objects_region,
    )


def checked(name: str) -> str:
    """``name`` if it may name an object. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("An object is named by an id: letters, digits, dots, hyphens and underscores.")
    return name


async def _measured(chunks: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    come = 0
    async for chunk in chunks:
        come += len(chunk)
        yield chunk
    if come != length:
        raise ValueError(f"{come} bytes came where {length} were announced.")


class _Expected(Exception):
    """The server's refusal is one that the caller allows."""


class _ReaderLeft(Exception):
    """The sending thread has ended before its input."""


class _Cut(Exception):
    """The input broke off: the sending thread must not complete the object."""


class _Pipe:
    """Chunks from the loop to one thread that reads them; bounded, so that each waits for the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._ended = False
        self._failed = False
        self._left = False
        self._filled = threading.Condition()
        self._space = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        while self._held >= WAITING_BYTES and not self._left:
            self._space.clear()
            # The reader may have taken something between the look and the clearing.
            if self._held >= WAITING_BYTES:
                await self._space.wait()
        if self._left:
            raise _ReaderLeft
        with self._filled:
            self._chunks.append(chunk)
            self._held += len(chunk)
            self._filled.notify()

    def end(self) -> None:
        with self._filled:
            self._ended = True
            self._filled.notify()

    def fail(self) -> None:
        with self._filled:
            self._failed = True
            self._filled.notify()

    def reader_left(self) -> None:
        self._left = True
        self._space.set()

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, fewer only at the end. Called in the thread; raises _Cut when the input failed."""
        taken = bytearray()
        while len(taken) < size:
            with self._filled:
                self._filled.wait_for(lambda: self._chunks or self._ended or self._failed)
                if self._failed:
                    raise _Cut
                if not self._chunks:
                    break
                chunk = self._chunks.popleft()
                wanted = size - len(taken)
                if len(chunk) > wanted:
                    self._chunks.appendleft(chunk[wanted:])
                    chunk = chunk[:wanted]
                taken += chunk
                self._held -= len(chunk)
            self._loop.call_soon_threadsafe(self._space.set)
        return bytes(taken)


def _into(sent: asyncio.Future[None], loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    error: Exception | None = None
    try:
        work()
    except Exception as raised:  # whatever it is belongs to the one who awaits
        error = raised

    def tell() -> None:
        if error is None:
            sent.set_result(None)
        else:
            sent.set_exception(error)

    try:
        loop.call_soon_threadsafe(tell)
    except RuntimeError:
        return  # the loop ended before its transfers


async def _ended(sent: asyncio.Future[None]) -> None:
    # Also through further cancellations: the caller deletes what may have been stored, and must come after.
    while not sent.done():
        try:
            await asyncio.wait({sent})
        except asyncio.CancelledError:
            continue
    sent.exception()


def _meaning(error: Exception) -> Exception:
    match error:
        case S3Error(code=code) if code in _ABSENT:
            return NotFound("This object is not there (any more).")
        case S3Error(code=code):
            return Unavailable(f"The object server answers {code}: check bucket and credentials.", retry_after=5)
        case MinioException() | HTTPError() | OSError():
            return Unavailable(f"The object server does not answer ({type(error).__name__}): try again.", retry_after=5)
        case _:
            return error
