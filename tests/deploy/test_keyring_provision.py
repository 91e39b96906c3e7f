"""``recours keyring provision`` and ``recours keys`` on a real OpenBao, and what they never print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploy.cli.keys import SOON, due
from deploy.embedded.site import ROOT, SERVICES
from shared import clock
from shared.errors import Refused, Unavailable
from shared.trust.keyring import OPERATOR, Keyring, KeyringDenied
from shared.trust.provisioning import HOLDERS
from shared.trust.provisioning import provision as run_provision
from shared.trust.signing import KeySet, generate
from tests.deploy.toy_platform import recours
from tests.shared.trust import bao

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    with bao.running(tmp_path_factory.mktemp("bao")) as address:
        yield address


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    file = tmp_path_factory.mktemp("admin") / "token"
    file.write_text(bao.ROOT_TOKEN + "\n")
    return file


@pytest.fixture(scope="module")
def into(tmp_path_factory):
    return tmp_path_factory.mktemp("tokens") / "here"


@pytest.fixture
async def provisioned(address, admin, into):
    return await recours(*provision(address, admin, into))


def provision(address, admin, into):
    return ("keyring", "provision", "--address", address, "--token-file", str(admin), "--into", str(into))


def tokens(into) -> dict[str, str]:
    return {holder: (into / f"{holder}.token").read_text().strip() for holder in HOLDERS}


@pytest.fixture
def operated(address, into, tmp_path):
    """Settings of the operator, as a command finds them."""
    (tmp_path / "operator.env").write_text(
        f"RECOURS_KEYRING={address}\nRECOURS_KEYRING_TOKEN={tokens(into)[OPERATOR]}\n"
    )
    return ("--settings", str(tmp_path))


async def test_each_holder_gets_a_private_file_whose_token_does_its_work_and_no_others(provisioned, address, into):
    assert provisioned.exit_code == 0, provisioned.output
    assert {(into / f"{holder}.token").stat().st_mode & 0o777 for holder in HOLDERS} == {0o600}
    assert into.stat().st_mode & 0o077 == 0
    for service in SERVICES:
        async with Keyring(address, tokens(into)[service]) as keyring:
            assert (await keyring.signing_key(service)).service == service
            with pytest.raises(KeyringDenied):
                await keyring.signing_key("legal" if service != "legal" else "billing")


async def test_nothing_secret_is_printed(provisioned, into):
    assert not any(token in provisioned.output for token in (*tokens(into).values(), bao.ROOT_TOKEN))


async def test_said_again_it_keeps_everything_and_makes_only_what_is_missing(provisioned, address, admin, into):
    before = tokens(into)
    async with Keyring(address, bao.ROOT_TOKEN) as root:
        keys = (await root.public_keys()).to_json()
        (into / "legal.token").unlink()
        await root.vault.call("POST", "auth/token/revoke", {"token": before["notify"]})
        again = await recours(*provision(address, admin, into))
        assert (await root.public_keys()).to_json() == keys
    assert again.exit_code == 0, again.output
    after = tokens(into)
    assert {holder for holder in HOLDERS if before[holder] == after[holder]} == {*HOLDERS} - {"legal", "notify"}
    assert again.output.count("token new") == 2


async def test_a_token_that_others_can_read_stops_it(provisioned, address, admin, into):
    (into / "billing.token").chmod(0o644)
    try:
        refused = await recours(*provision(address, admin, into))
    finally:
        (into / "billing.token").chmod(0o600)
    assert isinstance(refused.exception, Refused)
    assert "Others can read" in str(refused.exception)


async def test_the_operators_own_token_may_not_provision(provisioned, address, into, tmp_path):
    denied = await recours(*provision(address, into / "operator.token", tmp_path / "other"))
    assert isinstance(denied.exception, KeyringDenied)
    assert list((tmp_path / "other").iterdir()) == []


async def test_the_policy_of_the_page_is_enough_for_a_keyring_that_has_nothing_yet(tmp_path):
    page = (ROOT / "docs" / "operations.md").read_text()
    policy = page.split("```hcl\n")[1].split("```")[0]
    with bao.running(tmp_path) as address:
        async with Keyring(address, bao.ROOT_TOKEN) as root:
            await root.vault.call("PUT", "sys/policies/acl/provisioner", {"policy": policy})
            body = {"policies": ["provisioner"], "no_default_policy": True}
            made = await root.vault.call("POST", "auth/token/create", body)
        (tmp_path / "token").write_text(made["auth"]["client_token"])
        for kept in (0, len(HOLDERS)):
            done = await recours(*provision(address, tmp_path / "token", tmp_path / "into"))
            assert done.exit_code == 0, done.exception
            assert done.output.count("token kept") == kept
        rotated = ("keys", "rotate", "legal", "--yes", "--address", address, "--token-file", str(tmp_path / "token"))
        assert (await recours(*rotated)).exit_code == 0


async def test_a_private_authority_of_certificates_is_trusted_when_the_environment_names_it(tmp_path, monkeypatch):
    with bao.running(tmp_path, tls=True) as address:
        async with Keyring(address, bao.ROOT_TOKEN) as stranger:
            with pytest.raises(Unavailable):
                await stranger.public_keys()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / bao.AUTHORITY))
        async with Keyring(address, bao.ROOT_TOKEN) as admin:
            assert set(await run_provision(admin, clock.now())) == set(HOLDERS)


@pytest.mark.parametrize("content", ["", "two words", "é", "a\nb"])
async def test_what_is_no_token_is_refused_before_it_is_sent(content, tmp_path):
    (tmp_path / "token").write_text(content)
    refused = await recours(*provision("http://127.0.0.1:1", tmp_path / "token", tmp_path / "into"))
    assert isinstance(refused.exception, Refused)
    assert "no token of a keyring" in str(refused.exception)


async def test_without_a_token_and_nobody_to_ask_it_says_how_to_give_one(tmp_path):
    refused = await recours("keyring", "provision", "--address", "http://127.0.0.1:1", "--into", str(tmp_path))
    assert "--token-file" in str(refused.exception)
    missing = await recours(*provision("http://127.0.0.1:1", tmp_path / "none", tmp_path / "into"))
    assert isinstance(missing.exception, Unavailable)


async def test_a_rotation_adds_a_key_and_the_old_one_verifies_for_ever(provisioned, address, admin, operated):
    async with Keyring(address, bao.ROOT_TOKEN) as root:
        old = await root.signing_key("legal")
        said = await recours("keys", "rotate", "legal", "--yes", "--address", address, "--token-file", str(admin))
        assert said.exit_code == 0, said.output
        new, published = await root.signing_key("legal"), await root.public_keys()
    assert new.key_id != old.key_id
    assert new.key_id in said.output
    for key in (old, new):
        signed = {"key_id": key.key_id, "owner": "legal", "data": b"d", "signature": key.sign(b"d")}
        published.verify(**signed, at=clock.now())
    assert published.get(old.key_id) == old.public()

    listed = await recours("keys", "list", "--json", *operated)
    assert listed.exit_code == 0, listed.output
    shown = [one["kid"] for one in json.loads(listed.stdout)["keys"] if one["owner"] == "legal"]
    assert shown == [new.key_id, old.key_id]


async def test_the_exported_keys_are_those_that_offline_checks_read(provisioned, address, operated, tmp_path):
    file = tmp_path / "service-keys.json"
    assert (await recours("keys", "export", str(file), *operated)).exit_code == 0
    async with Keyring(address, bao.ROOT_TOKEN) as root:
        assert file.read_text() == (await root.public_keys()).to_json()


async def test_public_keys_that_a_restored_keyring_lacks_are_given_back(provisioned, address, admin, tmp_path):
    """And nothing that is there is taken away, nor a partner's key registered by the way."""
    lost, partners = generate("legal", clock.now()), generate("partner:court", clock.now())
    file = tmp_path / "service-keys.json"
    file.write_text(KeySet([lost.public(), partners.public()]).to_json())
    async with Keyring(address, admin.read_text().strip()) as keyring:
        before = {key.key_id for key in await keyring.public_keys()}
        told = await recours("keyring", "publish", str(file), "--address", address, "--token-file", str(admin))
        assert told.exit_code == 0, told.output
        assert {key.key_id for key in await keyring.public_keys()} == before | {lost.key_id}


def test_a_service_without_a_key_or_near_the_end_of_its_last_is_named():
    now = clock.now()
    ends = {"intake": SOON * 2, "evidence": timedelta(days=3), "legal": timedelta(seconds=-1), "billing": SOON * 2}
    keys = [generate(service, now - SOON, valid_for=SOON + left).public() for service, left in ends.items()]
    keys.append(generate("evidence", now - SOON * 2, valid_for=SOON).public())
    said = list(due(keys, now))
    assert [line.split()[0].removesuffix("'s") for line in said] == ["evidence", "legal", "notify"]
    assert "ends in 3 days" in said[0]
    assert "no valid key" in said[1]
    assert "provision" in said[2]
