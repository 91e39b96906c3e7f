"""What the web needs of the running service, so that a test can stand in for it."""

from __future__ import annotations

from typing import Any, Protocol

from shared.runtime.answers import Answer
from shared.runtime.declaration import Service
from shared.settings import Settings
from shared.trust.signing import KeySet


class Answers(Protocol):
    """The answers kept for 24 h; ``shared.runtime`` implements it."""

    async def find(self, scope: str, key: str, /) -> Answer | None: ...


class Secrets(Protocol):
    """The part of the keyring that gives a service's own secrets."""

    async def secret(self, service: str, name: str) -> str: ...


class Running(Protocol):
    """A service inside its process; ``shared.runtime.running.Running`` fits it."""

    @property
    def service(self) -> Service: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def keys(self) -> KeySet: ...
    @property
    def keyring(self) -> Secrets: ...
    @property
    def answers(self) -> Answers: ...

    async def load(self, aggregate: str, key: str, /) -> Any: ...
    async def reveal(self, case: str, purpose: Any, sealed: str, /) -> Any: ...
