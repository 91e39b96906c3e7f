from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.errors import NotFound, Refused
from shared.trust.partners import Partner
from shared.trust.signing import generate
from shared.trust.staff import StaffMember, admit, enrolled

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PASSPHRASE = "correct horse battery"


def partner(**changed) -> Partner:
    key = generate("partner:maif", NOW).public()
    good = {
        "partner_id": "maif",
        "name": "Assureur",
        "keys": (key,),
        "topics": frozenset({"partner.cover"}),
        "cases": "*",
    }
    return Partner(**(good | changed))


async def test_a_member_is_admitted_by_their_passphrase_only():
    member = await enrolled("amina", "lawyer", PASSPHRASE)
    assert await admit(member, PASSPHRASE) is member
    for wrong in ("", PASSPHRASE + " ", PASSPHRASE.upper()):
        with pytest.raises(NotFound):
            await admit(member, wrong)


async def test_an_unknown_name_is_answered_like_a_wrong_passphrase():
    member = await enrolled("amina", "lawyer", PASSPHRASE)
    with pytest.raises(NotFound) as unknown:
        await admit(None, PASSPHRASE)
    with pytest.raises(NotFound) as wrong:
        await admit(member, "something else entirely")
    assert str(unknown.value) == str(wrong.value)


async def test_not_even_the_passphrase_of_nobody_admits_nobody():
    with pytest.raises(NotFound):
        await admit(None, "nobody has this passphrase")


@pytest.mark.parametrize("passphrase", ["", "elevenchars", "x" * 1025])
async def test_a_passphrase_too_short_or_endless_is_refused(passphrase):
    with pytest.raises(Refused):
        await enrolled("amina", "lawyer", passphrase)


async def test_a_hash_is_argon2id_salted_and_hidden():
    one, two = [await enrolled("amina", "lawyer", PASSPHRASE) for _ in range(2)]
    assert one.passphrase_hash.startswith("$argon2id$")
    assert one.passphrase_hash != two.passphrase_hash
    assert one.passphrase_hash not in repr(one)


def test_a_hash_of_another_kind_or_a_role_unheard_of_is_refused():
    with pytest.raises(ValidationError):
        StaffMember(name="a", role="lawyer", passphrase_hash="$2b$12$abc")
    with pytest.raises(ValidationError):
        StaffMember(name="a", role="victim", passphrase_hash="$argon2id$x")


def test_a_partner_speaks_of_its_topics_and_cases_only():
    assert partner().may("partner.cover", "any case")
    assert not partner().may("partner.referral", "any case")
    some = partner(cases=frozenset({"c-1"}))
    assert some.may("partner.cover", "c-1")
    assert not some.may("partner.cover", "c-2")


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": ()},
        {"keys": (generate("billing", NOW).public(),)},
        {"keys": (generate("partner:other", NOW).public(),)},
        {"topics": frozenset({"payment-received"})},
        {"partner_id": "../billing"},
    ],
)
def test_a_partner_with_anothers_key_topic_or_path_is_refused(changed):
    with pytest.raises(ValidationError):
        partner(**changed)
