"""The keyring against a real OpenBao: who may what, and that destroyed is destroyed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from shared import clock, ids
from shared.errors import BrokenContract, BrokenSignature, NotFound, Refused, Unavailable
from shared.trust.keyring import OPERATOR, Keyring, KeyringDenied, KeysDestroyed
from shared.trust.partners import Partner, partner_key, partner_owner, with_all_keys_ended, with_key
from shared.trust.provisioning import HOLDERS, SECRETS, provision, rotate_signing_key
from shared.trust.sealing import OPENERS, Purpose, new_identity, open_sealed, seal
from shared.trust.signing import generate
from tests.shared.trust import bao

pytestmark = pytest.mark.platform

NOW = clock.now()
SERVICES = tuple(OPENERS)


@pytest.fixture(scope="session")
def address(tmp_path_factory) -> Iterator[str]:
    with bao.running(tmp_path_factory.mktemp("bao")) as address:
        yield address


@asynccontextmanager
async def opened(address: str, tokens: dict[str, str]) -> AsyncIterator[dict[str, Keyring]]:
    async with AsyncExitStack() as stack:
        yield {who: await stack.enter_async_context(Keyring(address, token)) for who, token in tokens.items()}


@pytest.fixture(scope="session")
async def keyrings(address) -> AsyncIterator[dict[str, Keyring]]:
    async with Keyring(address, bao.ROOT_TOKEN) as admin:
        tokens = await provision(admin, NOW)
    async with opened(address, tokens | {"root": bao.ROOT_TOKEN}) as keyrings:
        yield keyrings


async def fresh_case(keyrings) -> tuple[str, dict[Purpose, str]]:
    case = ids.new()
    return case, await keyrings["intake"].create_case_keys(case)


async def test_what_is_sealed_to_a_new_case_opens_with_its_identity(keyrings):
    case, recipients = await fresh_case(keyrings)
    assert set(recipients) == set(Purpose)
    assert len(set(recipients.values())) == len(Purpose)
    for purpose, recipient in recipients.items():
        secret = await keyrings["intake"].case_identity(case, purpose)
        assert open_sealed(seal("x", recipient), secret) == "x"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("purpose", list(Purpose))
async def test_each_service_opens_its_own_purposes_only(keyrings, service, purpose):
    case, _ = await fresh_case(keyrings)
    if purpose in OPENERS[service]:
        assert (await keyrings[service].case_identity(case, purpose)).startswith("AGE-SECRET-KEY-1")
    else:
        with pytest.raises(KeyringDenied):
            await keyrings[service].case_identity(case, purpose)


async def test_billing_cannot_read_the_evidence_identity(keyrings):
    case, _ = await fresh_case(keyrings)
    with pytest.raises(KeyringDenied) as denied:
        await keyrings["billing"].case_identity(case, Purpose.EVIDENCE)
    assert "AGE-SECRET" not in str(denied.value)


async def test_creating_a_cases_keys_again_gives_the_same_recipients(keyrings):
    case, recipients = await fresh_case(keyrings)
    assert await keyrings["intake"].create_case_keys(case) == recipients
    assert await keyrings["root"].create_case_keys(case) == recipients


async def test_not_even_intake_can_put_another_key_over_a_cases(keyrings):
    case, _ = await fresh_case(keyrings)
    with pytest.raises(KeyringDenied):
        await keyrings["intake"].vault.write(f"cases/{case}/evidence", {"secret": "s", "recipient": "r"})


@pytest.mark.parametrize("service", [s for s in (*SERVICES, OPERATOR) if s != "intake"])
async def test_only_intake_creates_and_destroys_case_keys(keyrings, service):
    case, recipients = await fresh_case(keyrings)
    with pytest.raises(KeyringDenied):
        await keyrings[service].create_case_keys(ids.new())
    with pytest.raises(KeyringDenied):
        await keyrings[service].destroy_case_keys(case)
    assert await keyrings["intake"].create_case_keys(case) == recipients


async def test_destroyed_keys_are_gone_with_all_versions_and_metadata(keyrings, address):
    case, _ = await fresh_case(keyrings)
    await keyrings["root"].vault.write(f"cases/{case}/evidence", new_identity().model_dump())
    assert await keyrings["root"].vault.versions(f"cases/{case}/evidence") == 2
    assert case + "/" in await keyrings["root"].vault.names("cases")

    await keyrings["intake"].destroy_case_keys(case)

    for purpose in Purpose:
        with pytest.raises(KeysDestroyed):
            await keyrings["root"].case_identity(case, purpose)
        assert await keyrings["root"].vault.versions(f"cases/{case}/{purpose}") == 0
    assert case + "/" not in await keyrings["root"].vault.names("cases")
    async with httpx.AsyncClient(headers={"X-Vault-Token": bao.ROOT_TOKEN}, trust_env=False) as raw:
        for path in ("metadata", "data"):
            answer = await raw.get(f"{address}/v1/recours/{path}/cases/{case}/evidence?version=1")
            assert answer.status_code == 404


async def test_destroying_again_is_harmless(keyrings):
    case, _ = await fresh_case(keyrings)
    await keyrings["intake"].destroy_case_keys(case)
    await keyrings["intake"].destroy_case_keys(case)


async def test_a_destruction_that_left_something_is_reported(keyrings, monkeypatch):
    case, _ = await fresh_case(keyrings)

    async def nothing(path: str) -> None:
        """A keyring that says yes and does not do it."""

    monkeypatch.setattr(keyrings["intake"].vault, "forget", nothing)
    with pytest.raises(BrokenContract, match="still in the keyring"):
        await keyrings["intake"].destroy_case_keys(case)


async def test_an_unknown_case_has_no_keys(keyrings):
    with pytest.raises(KeysDestroyed):
        await keyrings["notify"].case_identity(ids.new(), Purpose.CONTACT)


async def test_an_identity_is_cached_for_a_minute_at_most_and_forgotten_on_erasure(keyrings, address):
    case, _ = await fresh_case(keyrings)
    other, _ = await fresh_case(keyrings)
    time = [0.0]
    token = (await keyrings["root"].vault.call("POST", "auth/token/create", {"policies": ["recours-notify"]})) or {}
    async with Keyring(
        address, token["auth"]["client_token"], cache_seconds=3600, monotonic=lambda: time[0]
    ) as replica:
        secret = await replica.case_identity(case, Purpose.CONTACT)
        await replica.case_identity(other, Purpose.CONTACT)
        await keyrings["intake"].destroy_case_keys(case)
        await keyrings["intake"].destroy_case_keys(other)
        time[0] = 59.0
        assert await replica.case_identity(case, Purpose.CONTACT) == secret
        replica.forget_case(other)
        with pytest.raises(KeysDestroyed):
            await replica.case_identity(other, Purpose.CONTACT)
        time[0] = 60.0
        with pytest.raises(KeysDestroyed):
            await replica.case_identity(case, Purpose.CONTACT)


async def test_the_destroyer_forgets_at_once(keyrings):
    case, _ = await fresh_case(keyrings)
    await keyrings["intake"].case_identity(case, Purpose.CONTACT)
    await keyrings["intake"].destroy_case_keys(case)
    with pytest.raises(KeysDestroyed):
        await keyrings["intake"].case_identity(case, Purpose.CONTACT)


async def test_a_destruction_during_a_read_leaves_no_cached_copy(keyrings, monkeypatch):
    case, _ = await fresh_case(keyrings)
    intake = keyrings["intake"]
    read = intake.vault.read

    async def overtaken(path: str):
        stored = await read(path)
        monkeypatch.undo()
        await intake.destroy_case_keys(case)
        return stored

    monkeypatch.setattr(intake.vault, "read", overtaken)
    await intake.case_identity(case, Purpose.CONTACT)
    with pytest.raises(KeysDestroyed):
        await intake.case_identity(case, Purpose.CONTACT)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reads_its_own_signing_key_and_secrets_only(keyrings, service):
    key = await keyrings[service].signing_key(service)
    keys = await keyrings[service].public_keys()
    keys.verify(key_id=key.key_id, owner=service, data=b"d", signature=key.sign(b"d"), at=NOW)
    for name in SECRETS[service]:
        assert len(await keyrings[service].secret(service, name)) == 64
    for other in set(SERVICES) - {service}:
        with pytest.raises(KeyringDenied):
            await keyrings[service].signing_key(other)
        with pytest.raises(KeyringDenied):
            await keyrings[service].secret(other, "hmac-pepper")


@pytest.mark.parametrize("service", [*SERVICES, OPERATOR])
async def test_nobody_but_the_admin_publishes_keys(keyrings, service):
    with pytest.raises(KeyringDenied):
        await keyrings[service].publish_public_keys([generate("legal", NOW).public()])


async def test_provisioning_again_replaces_nothing(keyrings, address):
    root = keyrings["root"]
    case, recipients = await fresh_case(keyrings)
    before = [await root.signing_key(service) for service in SERVICES]
    published = (await root.public_keys()).to_json()
    peppers = [await root.secret(service, "hmac-pepper") for service in SERVICES]
    assert len(set(peppers)) == len(SERVICES)

    tokens = await provision(root, clock.now() + timedelta(days=1))

    assert [await root.signing_key(service) for service in SERVICES] == before
    assert [await root.secret(service, "hmac-pepper") for service in SERVICES] == peppers
    assert (await root.public_keys()).to_json() == published
    assert await root.create_case_keys(case) == recipients
    async with opened(address, tokens) as again:
        assert set(again) == {*SERVICES, OPERATOR}
        await again["billing"].signing_key("billing")
    await keyrings["billing"].signing_key("billing")


async def test_a_token_that_is_still_good_is_kept_and_every_other_is_made_anew(keyrings):
    root = keyrings["root"]
    tokens = await provision(root, NOW)
    swapped = {**tokens, "legal": tokens["billing"], "notify": "hvs.nothing", "intake": bao.ROOT_TOKEN}
    await root.vault.call("POST", "auth/token/revoke", {"token": tokens["evidence"]})

    again = await provision(root, NOW, held=swapped)

    assert {holder for holder in HOLDERS if again[holder] == swapped[holder]} == {"billing", OPERATOR}
    assert len(set(again.values())) == len(HOLDERS)


async def test_provisioning_completes_one_that_was_cut_short(keyrings):
    root = keyrings["root"]
    await root.vault.forget("public/services/notify")
    await provision(root, NOW)
    key = await root.signing_key("notify")
    assert (await root.public_keys()).get(key.key_id) == key.public()


async def test_tokens_are_periodic_and_renew_themselves_on_use(keyrings, address, monkeypatch):
    tokens = await provision(keyrings["root"], NOW)
    async with Keyring(address, tokens["legal"]) as legal:
        found = (await legal.vault.call("GET", "auth/token/lookup-self")) or {}
        assert found["data"]["period"] == 7 * 24 * 3600
        assert found["data"]["renewable"] is True
        assert found["data"]["orphan"] is True
        assert found["data"].get("last_renewal_time") is None
        monkeypatch.setattr("shared.trust.vault.RENEW_EVERY_SECONDS", 0)
        await legal.signing_key("legal")
        found = (await legal.vault.call("GET", "auth/token/lookup-self")) or {}
        assert found["data"]["last_renewal_time"] > 0


async def test_a_mount_of_another_kind_is_refused(keyrings, address):
    await keyrings["root"].vault.call("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    async with Keyring(address, bao.ROOT_TOKEN, mount="old") as admin:
        with pytest.raises(BrokenContract, match="KV version 2"):
            await provision(admin, NOW)


async def test_a_rotated_key_signs_and_the_old_signatures_still_verify(keyrings):
    root = keyrings["root"]
    old = await root.signing_key("evidence")
    new = await rotate_signing_key(root, "evidence", clock.now())
    assert (await keyrings["evidence"].signing_key("evidence")).key_id == new.key_id != old.key_id
    keys = await keyrings["legal"].public_keys()
    for key in (old, new):
        keys.verify(key_id=key.key_id, owner="evidence", data=b"d", signature=key.sign(b"d"), at=clock.now())


async def test_what_is_no_service_has_no_key_to_rotate(keyrings):
    with pytest.raises(NotFound, match="choose one of"):
        await rotate_signing_key(keyrings["root"], "courier", NOW)


async def test_a_key_published_under_another_service_is_refused(keyrings):
    root = keyrings["root"]
    stored = await root.vault.read("public/services/notify")
    assert stored is not None
    stray = generate("legal", NOW).public().model_dump(mode="json")
    try:
        await root.vault.write("public/services/notify", {"keys": [stray]})
        with pytest.raises(BrokenContract, match="notify"):
            await root.public_keys()
    finally:
        await root.vault.write("public/services/notify", stored[0])


async def test_a_partner_registered_by_the_operator_is_known_to_every_service(keyrings):
    key = generate(partner_owner("licra"), NOW)
    partner = Partner(
        partner_id="licra", name="LICRA", keys=(key.public(),), topics=frozenset({"partner.referral"}), cases="*"
    )
    with pytest.raises(KeyringDenied):
        await keyrings["legal"].register_partner(partner)
    await keyrings[OPERATOR].register_partner(partner)
    for service in SERVICES:
        assert await keyrings[service].partner("licra") == partner
        assert await keyrings[service].partners() == [partner]
        keys = await keyrings[service].public_keys()
        keys.verify(key_id=key.key_id, owner="partner:licra", data=b"d", signature=key.sign(b"d"), at=NOW)
    assert await keyrings["legal"].partner("unknown") is None


async def test_not_even_the_operator_can_forget_a_partner_whose_messages_may_still_wait(keyrings):
    key = generate(partner_owner("maif"), NOW)
    partner = Partner(partner_id="maif", name="M", keys=(key.public(),), topics=frozenset(), cases="*")
    await keyrings[OPERATOR].register_partner(partner)
    with pytest.raises(KeyringDenied):
        await keyrings[OPERATOR].vault.forget("public/partners/maif")
    ended = await keyrings[OPERATOR].change_partner("maif", lambda one: with_all_keys_ended(one, NOW))
    assert await keyrings["legal"].partner("maif") == ended
    keys = await keyrings["legal"].public_keys()
    before = {"key_id": key.key_id, "owner": "partner:maif", "data": b"d", "signature": key.sign(b"d")}
    keys.verify(**before, at=NOW - timedelta(seconds=1))
    with pytest.raises(BrokenSignature):
        keys.verify(**before, at=NOW)


async def test_two_operators_who_add_a_key_at_once_both_succeed(keyrings):
    operator, owner = keyrings[OPERATOR], partner_owner("gmf")
    first = Partner(partner_id="gmf", name="G", keys=(generate(owner, NOW).public(),), topics=frozenset(), cases="*")
    await operator.register_partner(first)
    mine, theirs = (partner_key("gmf", bytes([n]) * 32, NOW, NOW + timedelta(days=1)) for n in (1, 2))
    seen = []

    def overtaken(one):
        seen.append(one)
        return with_key(one, mine)

    read = operator.vault.read

    async def read_then_overtaken(path):
        stored = await read(path)
        if len(seen) == 0:
            await operator.register_partner(with_key(first, theirs))
        return stored

    operator.vault.read = read_then_overtaken
    try:
        await operator.change_partner("gmf", overtaken)
    finally:
        operator.vault.read = read
    assert len(seen) == 2
    assert set((await operator.partner("gmf")).keys) == {*first.keys, mine, theirs}


async def test_staff_are_enrolled_by_the_operator_and_admitted_by_intake_alone(keyrings):
    await keyrings[OPERATOR].enrol_staff("amina", "lawyer", "correct horse battery")
    member = await keyrings["intake"].admit_staff("amina", "correct horse battery")
    assert member.role == "lawyer"
    assert await keyrings["intake"].staff() == ["amina"]
    for name, passphrase in (("amina", "correct horse batterz"), ("nobody", "correct horse battery")):
        with pytest.raises(NotFound, match="do not go together"):
            await keyrings["intake"].admit_staff(name, passphrase)
    for service in set(SERVICES) - {"intake"}:
        with pytest.raises(KeyringDenied):
            await keyrings[service].staff_member("amina")
        with pytest.raises(KeyringDenied):
            await keyrings[service].staff()
    with pytest.raises(KeyringDenied):
        await keyrings["intake"].enrol_staff("mallory", "admin", "correct horse battery")
    with pytest.raises(Refused):
        await keyrings[OPERATOR].enrol_staff("amina", "lawyer", "short")
    await keyrings[OPERATOR].remove_staff("amina")
    assert await keyrings["intake"].staff() == []


async def test_the_operator_opens_no_case_and_signs_for_nobody(keyrings):
    case, _ = await fresh_case(keyrings)
    with pytest.raises(KeyringDenied):
        await keyrings[OPERATOR].case_identity(case, Purpose.CONTACT)
    with pytest.raises(KeyringDenied):
        await keyrings[OPERATOR].signing_key("legal")


async def test_an_absent_secret_says_to_provision(keyrings):
    with pytest.raises(NotFound, match="provision"):
        await keyrings["billing"].secret("billing", "unheard-of")


async def test_a_wrong_token_is_denied_and_never_quoted(address):
    async with Keyring(address, "s.wrong-token") as stranger:
        with pytest.raises(KeyringDenied) as denied:
            await stranger.signing_key("legal")
    assert "wrong-token" not in str(denied.value)


async def test_a_keyring_that_is_down_is_unavailable_and_not_destroyed():
    async with Keyring(f"http://127.0.0.1:{bao.free_port()}", "t") as keyring:
        with pytest.raises(Unavailable):
            await keyring.case_identity(ids.new(), Purpose.CONTACT)


async def test_a_sealed_keyring_is_unavailable_and_not_destroyed(tmp_path):
    with bao.running(tmp_path) as address:
        async with Keyring(address, bao.ROOT_TOKEN) as admin:
            await provision(admin, NOW)
            case = ids.new()
            await admin.create_case_keys(case)
            await admin.vault.call("PUT", "sys/seal")
            with pytest.raises(Unavailable, match="503"):
                await admin.case_identity(case, Purpose.CONTACT)
