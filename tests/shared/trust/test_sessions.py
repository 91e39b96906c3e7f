from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import BrokenSignature
from shared.trust import receipts
from shared.trust.jws import sign_compact
from shared.trust.sessions import MAX_LIFETIME, TYP, Role, SessionExpired, check_session, issue_session
from shared.trust.signing import KeySet, generate

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
INTAKE = generate("intake", NOW)
LEGAL = generate("legal", NOW)
KEYS = KeySet([INTAKE.public(), LEGAL.public()])
WHO: dict[str, Any] = {"sub": "p-1", "role": "victim", "case_id": "c-1", "sequence": 7, "scope": ["read", "upload"]}


def claims(**changed) -> dict[str, Any]:
    issued = int(NOW.timestamp())
    good = {"sub": "p", "role": "victim", "case": "c", "sequence": 1, "scope": [], "iat": issued, "exp": issued + 300}
    return {name: value for name, value in (good | changed).items() if value != "absent"}


def test_a_session_says_who_in_which_role_on_which_case():
    session = check_session(issue_session(INTAKE, **WHO, now=NOW), KEYS, NOW)
    assert (session.sub, session.role, session.case_id, session.sequence) == ("p-1", Role.VICTIM, "c-1", 7)
    assert session.scope == {"read", "upload"}
    assert session.expires_at - session.issued_at == MAX_LIFETIME


@pytest.mark.parametrize("role", list(Role))
def test_every_role_can_have_a_session_on_a_case(role):
    token = issue_session(INTAKE, **(WHO | {"role": role}), now=NOW)
    assert check_session(token, KEYS, NOW).role is role


def test_a_session_ends_after_five_minutes_and_says_so():
    token = issue_session(INTAKE, **WHO, now=NOW)
    check_session(token, KEYS, NOW + timedelta(minutes=4, seconds=59))
    with pytest.raises(SessionExpired):
        check_session(token, KEYS, NOW + timedelta(minutes=5))


def test_a_session_of_another_service_is_no_session():
    with pytest.raises(BrokenSignature, match="belongs to legal"):
        check_session(issue_session(LEGAL, **WHO, now=NOW), KEYS, NOW)


def test_a_receipt_by_intake_is_no_session():
    with pytest.raises(BrokenSignature):
        check_session(receipts.issue(INTAKE, {"sub": "p"}, NOW), KEYS, NOW)


def test_an_unknown_key_is_refused():
    with pytest.raises(BrokenSignature, match="Unknown"):
        check_session(issue_session(generate("intake", NOW), **WHO, now=NOW), KEYS, NOW)


def test_an_expired_forgery_is_a_forgery_and_not_an_expiry():
    token = issue_session(INTAKE, **WHO, now=NOW)
    head, body, signature = token.split(".")
    with pytest.raises(BrokenSignature):
        check_session(
            f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}", KEYS, NOW + timedelta(hours=1)
        )


def test_the_hand_made_claims_are_good_so_that_the_bad_ones_differ_by_one_thing():
    check_session(sign_compact(INTAKE, TYP, claims()), KEYS, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": claims()["exp"] + 1},
        {"exp": claims()["iat"]},
        {"iat": claims()["iat"] + 1200, "exp": claims()["exp"] + 1200},
        {"role": "admin"},
        {"case": None},
        {"case": "absent"},
        {"sub": ""},
        {"sub": 3},
        {"sequence": -1},
        {"sequence": "1"},
        {"sequence": "absent"},
        {"scope": None},
        {"scope": [1]},
        {"iat": "now"},
        {"exp": 10**30},
        {"exp": None},
    ],
)
def test_claims_outside_the_rules_are_refused_even_when_intake_signed_them(changed):
    with pytest.raises(BrokenSignature):
        check_session(sign_compact(INTAKE, TYP, claims(**changed)), KEYS, NOW)


def test_only_the_team_may_be_without_a_case():
    staff = WHO | {"case_id": None, "role": "case-worker"}
    assert check_session(issue_session(INTAKE, **staff, now=NOW), KEYS, NOW).case_id is None
    with pytest.raises(ValueError):
        issue_session(INTAKE, **(WHO | {"case_id": None}), now=NOW)


def test_a_longer_session_cannot_be_issued():
    with pytest.raises(ValueError):
        issue_session(INTAKE, **WHO, now=NOW, lifetime=timedelta(minutes=6))
