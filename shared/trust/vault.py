"""The few calls of OpenBao's HTTP API (Vault's, KV version 2) that the keyring makes, and what their failures mean."""

from __future__ import annotations

import time
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

from shared.errors import BrokenContract, RecoursError, Unavailable

RENEW_EVERY_SECONDS = 6 * 3600
_AGAIN = frozenset({429, 472, 473, 500, 502, 503, 504})


class KeyringDenied(RecoursError):
    """The keyring answers, and this token may not do that."""

    code = "keyring-denied"


class AlreadyThere(RecoursError):
    """A create-only write found an older value and left it alone."""

    code = "keyring-already-there"


class Vault:
    """One token on one KV v2 mount. Every call raises Unavailable when the keyring cannot answer, and KeyringDenied
    when it refuses the token. Close it, or use it as an async context manager.

    Args:
        address: base address, such as ``http://127.0.0.1:8200``.
        token: this service's token; it is renewed on the way, every six hours of use.
        mount: where KV version 2 is mounted.
        timeout: seconds for one call.
    """

    def __init__(self, address: str, token: str, *, mount: str = "recours", timeout: float = 5.0) -> None:
        self.mount = mount
        self._renewed = time.monotonic()
        self._client = httpx.AsyncClient(
            base_url=f"{address.rstrip('/')}/v1/",
            headers={"X-Vault-Token": token, "X-Vault-Request": "true"},
            timeout=timeout,
            # No proxy of the environment may see these calls; the authority that it trusts (SSL_CERT_FILE) counts.
            verify=httpx.create_ssl_context() if address.startswith("https:") else True,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def read(self, path: str) -> tuple[dict[str, Any], int] | None:
        """``(data, version)`` of the newest version at ``path``, or None when it was never written or was deleted."""
        body = await self.call("GET", self._at("data", path))
        if body is None or body["data"].get("data") is None:
            return None
        return body["data"]["data"], int(body["data"]["metadata"]["version"])

    async def write(self, path: str, data: dict[str, Any], *, cas: int | None = None) -> None:
        """Write a new version. ``cas`` 0: only if there is none; n: only over version n; else AlreadyThere."""
        body: dict[str, Any] = {"data": data}
        if cas is not None:
            body["options"] = {"cas": cas}
        await self.call("POST", self._at("data", path), body)

    async def forget(self, path: str) -> None:
        """Destroy all versions and the metadata at ``path``; nothing happens when nothing is there."""
        await self.call("DELETE", self._at("metadata", path))

    async def versions(self, path: str) -> int:
        """How many versions the metadata of ``path`` knows; 0 when there is no metadata."""
        body = await self.call("GET", self._at("metadata", path))
        return 0 if body is None else len(body["data"]["versions"]) or 1

    async def names(self, path: str) -> list[str]:
        """The names directly under ``path``, sorted."""
        body = await self.call("LIST", self._at("metadata", path))
        return [] if body is None else sorted(body["data"]["keys"])

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """One call under ``/v1/``: the JSON answer, ``{}`` when it is empty, or None for 404."""
        if path != "auth/token/renew-self":
            await self._renew()
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise Unavailable(
                f"The keyring cannot be reached ({type(error).__name__}): start it, or check its address.",
                retry_after=5,
            ) from error
        match answer.status_code:
            case 200 | 204:
                return cast("dict[str, Any]", answer.json()) if answer.content else {}
            case 404:
                return None
            case 401 | 403:
                raise KeyringDenied(
                    f"The keyring refuses this token {method} {path}: use the right service's token, or renew it."
                )
            case 400 if "check-and-set" in answer.text:
                raise AlreadyThere(f"There is already a value at {path}: it was kept.")
            case 400 if "pgrading from non-versioned" in answer.text:
                raise Unavailable("The keyring is still preparing its new mount: try again.")
            case status if status in _AGAIN:
                raise Unavailable(
                    f"The keyring answers {status} to {method} {path}: unseal it or wait for it.", retry_after=5
                )
            case status:
                raise BrokenContract(f"The keyring answers {status} to {method} {path}: check its version and mount.")

    async def _renew(self) -> None:
        if time.monotonic() - self._renewed < RENEW_EVERY_SECONDS:
            return
        # Counted from the attempt: a refusal must not double every call; the call itself reports what is wrong.
        self._renewed = time.monotonic()
        try:
            await self.call("POST", "auth/token/renew-self", {})
        except RecoursError:
            return

    def _at(self, kind: str, path: str) -> str:
        return f"{self.mount}/{kind}/{quote(path)}"
