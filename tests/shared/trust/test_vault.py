from __future__ import annotations

import json

import httpx
import pytest

from shared.errors import BrokenContract, Unavailable
from shared.trust.vault import AlreadyThere, KeyringDenied, Vault


def answering(status: int, body: object = None) -> Vault:
    vault = Vault("http://keyring.test", "secret-token")
    content = b"" if body is None else json.dumps(body).encode()
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=content))
    vault._client = httpx.AsyncClient(base_url="http://keyring.test/v1/", transport=transport)
    return vault


@pytest.mark.parametrize("status", [429, 472, 473, 500, 502, 503])
async def test_a_keyring_in_trouble_is_unavailable(status):
    async with answering(status, {"errors": ["secret-token"]}) as vault:
        with pytest.raises(Unavailable) as raised:
            await vault.read("x")
    assert "secret-token" not in str(raised.value)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_told_apart_from_trouble(status):
    async with answering(status) as vault:
        with pytest.raises(KeyringDenied):
            await vault.read("x")


async def test_a_check_and_set_that_fails_says_that_something_is_there():
    async with answering(400, {"errors": ["check-and-set parameter did not match the current version"]}) as vault:
        with pytest.raises(AlreadyThere):
            await vault.write("x", {}, cas=0)


async def test_a_mount_that_is_being_prepared_is_unavailable():
    async with answering(400, {"errors": ["Upgrading from non-versioned to versioned data."]}) as vault:
        with pytest.raises(Unavailable):
            await vault.read("x")


async def test_any_other_answer_breaks_the_contract():
    async with answering(405) as vault:
        with pytest.raises(BrokenContract):
            await vault.read("x")


async def test_a_soft_deleted_version_reads_as_absent():
    async with answering(200, {"data": {"data": None, "metadata": {"version": 1}}}) as vault:
        assert await vault.read("x") is None


async def test_a_connection_that_breaks_is_unavailable():
    async with answering(200) as vault:

        def broken(_: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("late")

        vault._client = httpx.AsyncClient(base_url="http://k.test/v1/", transport=httpx.MockTransport(broken))
        with pytest.raises(Unavailable):
            await vault.read("x")
