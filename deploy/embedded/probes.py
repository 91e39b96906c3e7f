"""Questions that tell whether an engine answers in its own protocol, each within a second or two."""

from __future__ import annotations

import asyncio

import httpx
from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from .ports import HOST


async def http(url: str, status: int = 200) -> bool:
    """Whether a GET answers with ``status``."""
    try:
        # Loading the certificates of all authorities for each question would cost more than the question.
        async with httpx.AsyncClient(timeout=2, trust_env=False, verify=False) as client:  # noqa: S501 - plain HTTP
            return (await client.get(url)).status_code == status
    except httpx.HTTPError:
        return False


async def listening(port: int) -> bool:
    """Whether something accepts connections on a port of loopback."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def greeting(port: int, expected: bytes) -> bool:
    """Whether the server on a port of loopback speaks first, and so (SMTP: ``220``)."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(HOST, port)
        try:
            async with asyncio.timeout(1):
                return (await reader.read(64)).startswith(expected)
        finally:
            writer.close()
    except (OSError, TimeoutError):
        return False


async def kafka(port: int) -> bool:
    """Whether a Kafka broker answers a metadata request."""
    if not await listening(port):
        return False
    client = AIOKafkaClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=2000)
    try:
        async with asyncio.timeout(3):
            await client.bootstrap()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()
    return True


async def mongo(url: str, port: int) -> bool:
    """Whether a MongoDB server says that it may be written to."""
    if not await listening(port):
        return False
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url, serverSelectionTimeoutMS=2000)
    try:
        return bool((await client.admin.command("hello")).get("isWritablePrimary"))
    except PyMongoError:
        return False
    finally:
        await client.close()
