from __future__ import annotations

import re

import pytest

from shared.trust.policies import OPERATOR, policy
from shared.trust.sealing import OPENERS, Purpose

BLOCK = re.compile(r'path "(?P<path>[^"]+)" \{\n  capabilities = \[(?P<able>[^\]]*)\]\n\}\n')


def granted(service: str) -> dict[str, set[str]]:
    text = policy(service)
    assert BLOCK.sub("", text) == ""
    return {found["path"]: set(re.findall(r'"(\w+)"', found["able"])) for found in BLOCK.finditer(text)}


@pytest.mark.parametrize("service", OPENERS)
def test_a_policy_grants_exactly_the_purposes_of_the_table(service):
    readable = {
        path.rsplit("/", 1)[1] for path, able in granted(service).items() if "data/cases/" in path and "read" in able
    }
    assert readable == {str(purpose) for purpose in OPENERS[service]}


def test_no_policy_lets_a_case_key_be_overwritten():
    for service in (*OPENERS, OPERATOR):
        assert not any("update" in able for path, able in granted(service).items() if "cases" in path)


def test_nobody_but_intake_may_do_more_than_read_case_keys():
    for service in set(OPENERS) - {"intake"}:
        assert all(able == {"read"} for path, able in granted(service).items() if "cases" in path)
    assert {f"recours/metadata/cases/+/{purpose}" for purpose in Purpose} <= granted("intake").keys()


def test_no_path_ends_in_a_star():
    assert not any("*" in path for service in (*OPENERS, OPERATOR) for path in granted(service))


def test_a_service_that_is_not_known_has_no_policy():
    with pytest.raises(KeyError):
        policy("analytics")


def test_the_mount_is_the_callers():
    assert 'path "other/data/signing/legal"' in policy("legal", "other")
