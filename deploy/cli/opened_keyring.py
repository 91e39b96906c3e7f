"""The keyring as the operator opens it: with the token of --data, --settings or the environment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from deploy.audit.sites import keyring_of, settings_directory, settings_of
from shared.trust.keyring import OPERATOR, Keyring

_T = TypeVar("_T")


def with_keyring(data: Path | None, settings: Path | None, act: Callable[[Keyring], Awaitable[_T]]) -> _T:
    """What ``act`` gives, done with the keyring open. Raises what ``act`` does; Unavailable, Refused for settings."""

    async def acting() -> _T:
        async with keyring_of(settings_of(OPERATOR, settings_directory(data, settings))) as keyring:
            return await act(keyring)

    return asyncio.run(acting())
