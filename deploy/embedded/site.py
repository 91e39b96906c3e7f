"""Where one embedded platform lives: its directory, its ports, its secrets and what its engines made at start."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import deploy
from shared.settings import environment

from .engine_set import EngineSet
from .files import kept_secret, private_directory
from .ports import HOST

ROOT = Path(deploy.__file__).resolve().parents[1]
ACCESS_KEY, SECRET_KEY = "test", "test"
"""The embedded S3 server checks no signatures: it is reachable from this machine alone."""
OBJECTS_ROOT = "root"
"""Whose keys may do everything at the object server; no service gets them where it tells users apart."""
BUCKET_OF_THE_BUS = "recours-bus"
REGION = "us-east-1"
SERVICES = ("intake", "evidence", "legal", "billing", "notify")
DEFAULT_SERVICE = "intake"
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


@dataclass
class Site:
    """The directory, ports and engines of a platform.

    ``tokens`` and ``webhook_secret`` are there once the keyring is ready.
    """

    data: Path
    ports: dict[str, int]
    engines: EngineSet
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    webhook_secret: str = field(default="", repr=False)

    def address(self, name: str) -> str:
        """``host:port`` of a child."""
        return f"{HOST}:{self.ports[name]}"

    def url(self, name: str) -> str:
        """``http://host:port`` of a child."""
        return f"http://{self.address(name)}"

    def directory(self, *parts: str) -> Path:
        """A private directory under the data directory, made when absent."""
        return private_directory(self.data.joinpath(*parts))

    @property
    def origin(self) -> str:
        """What a person's browser opens."""
        return self.url("gateway")

    @property
    def store_url(self) -> str:
        return f"mongodb://{self.address('store')}/?directConnection=true"

    @property
    def chain(self) -> Path:
        """Certificates of the local timestamp authority, PEM."""
        return self.data / "tsa-chain.pem"

    @property
    def mails(self) -> Path:
        return self.data / "mails"

    def object_keys(self, who: str) -> tuple[str, str]:
        """Access and secret key at the object server of a service, ``operator`` or ``root``; drawn once."""
        if not self.engines.object_users:
            return ACCESS_KEY, SECRET_KEY
        secret = kept_secret(self.directory("objects", "keys") / who, os.urandom(20).hex().encode())
        return f"recours-{who}", secret.decode()

    def payment_key(self) -> str:
        """Secret key of the local payment page, drawn once."""
        drawn = f"sk_test_{os.urandom(24).hex()}".encode()
        return kept_secret(self.directory("payment") / "api-key", drawn).decode()

    def process_environment(self) -> dict[str, str]:
        """What every child inherits: a path and a language, and a HOME inside the data directory."""
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {**kept, "HOME": str(self.data), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def settings_of(self, service: str, process: str = "") -> dict[str, str]:
        """``RECOURS_*`` variables for a service (or ``operator``) of this platform.

        ``process``: the name of one of its replicas (``legal-2``); otherwise the first.
        """
        process = process or service
        access, secret = self.object_keys(service)
        values: dict[str, object] = {
            "bus": self.address("bus"),
            "bus_idempotence": self.engines.bus_idempotence,
            "store": self.store_url,
            "objects": self.address("objects"),
            "objects_access": access,
            "objects_secret": secret,
            "objects_secure": False,
            "objects_region": REGION,
            "keyring": self.url("keyring"),
            "keyring_token": self.tokens.get(service, ""),
            "tsa": self.url("tsa") + self.engines.stamps_at,
            "tsa_chain": self.chain,
            "tsa_not_qualified": True,
            "smtp_host": HOST,
            "smtp_port": self.ports["mail"],
            "smtp_from": "ne-pas-repondre@localhost.localdomain",
            "payment_api": self.url("payment"),
            "payment_page": self.origin,
            "origin": self.origin,
            "listen_host": HOST,
            "replica": process.removeprefix(f"{service}-") if process != service else "1",
            "operators": "astreinte@recours.localhost.localdomain",
        }
        if process in self.ports:
            values["listen_port"] = self.ports[process]
        if service == "billing":
            values |= {"payment_key": self.payment_key(), "payment_webhook_secret": self.webhook_secret}
        return environment(values)


def python(*arguments: str) -> tuple[str, ...]:
    """Command of a Python program with this interpreter."""
    return (sys.executable, *arguments)
