"""How an operator's command reaches the services: their declarations, settings, stores, buckets and keys."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from deploy.audit.stores import Source
from deploy.embedded.site import SERVICES
from shared.errors import NotFound, Unavailable
from shared.objects import objects_of
from shared.runtime.declaration import Service
from shared.runtime.store import Store
from shared.settings import PREFIX, Settings, read
from shared.trust.keyring import OPERATOR, Keyring
from shared.trust.signing import KeySet


def declaration(name: str) -> Service:
    """The declaration of a service. Raises NotFound."""
    if name not in SERVICES:
        raise NotFound(f"There is no service {name!r}: choose one of {', '.join(SERVICES)}.")
    service: Service = importlib.import_module(f"services.{name}.service").service
    return service


def settings_directory(data: Path | None, settings: Path | None) -> Path | None:
    """Where ``<service>.env`` files are: given, or those that an embedded platform keeps; None: the environment."""
    return settings if settings is not None else None if data is None else data / "settings"


def settings_of(name: str, directory: Path | None) -> Settings:
    """The settings of a service (or ``operator``): of ``<directory>/<name>.env``, or of the environment.

    Raises:
        Unavailable: there is no such file. Refused: a value is wrong.
    """
    if directory is None:
        return read()
    path = directory / f"{name}.env"
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        message = f"{path} cannot be read ({type(error).__name__}): start the platform once, or give --settings."
        raise Unavailable(message) from error
    pairs = (line.partition("=")[::2] for line in lines if line.strip() and not line.startswith("#"))
    given = {key.strip().removeprefix(PREFIX).lower(): value for key, value in pairs if key.startswith(PREFIX)}
    return read(**{key: value for key, value in given.items() if value or key != "tsa_chain"})


@contextlib.asynccontextmanager
async def opened(names: Iterable[str], directory: Path | None) -> AsyncIterator[list[Source]]:
    """The services' stores and buckets, closed at the end."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await _opened(name, directory, stack) for name in names]


async def _opened(name: str, directory: Path | None, stack: contextlib.AsyncExitStack) -> Source:
    service, settings = declaration(name), settings_of(name, directory)
    store = store_of(service, settings)
    stack.callback(store.close)
    return Source(service, settings, store, await stack.enter_async_context(objects_of(settings, name)))


def store_of(service: Service, settings: Settings) -> Store:
    """The service's store; the caller closes it."""
    return Store(settings.store.get_secret_value(), settings.database(service.name), service, settings.partitions)


def keyring_of(settings: Settings) -> Keyring:
    """The keyring with the token of these settings."""
    return Keyring(settings.keyring, settings.keyring_token.get_secret_value())


async def public_keys(file: Path | None, directory: Path | None) -> KeySet:
    """The services' public keys: of a ``service-keys.json``, or of the keyring. Raises Unavailable, BrokenContract."""
    if file is not None:
        try:
            return KeySet.from_json(file.read_bytes())
        except OSError as error:
            raise Unavailable(f"{file} cannot be read ({type(error).__name__}): check its name.") from error
    async with keyring_of(settings_of(OPERATOR, directory)) as keyring:
        return await keyring.public_keys()
