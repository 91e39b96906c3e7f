"""How the suite is shared among workers: a module stays together, and so do the flows that share one platform."""

from __future__ import annotations

import pytest

TOGETHER = frozenset({"test_bad_input", "test_memory", "test_nothing_personal_in_clear", "test_whole_case"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        module = item.nodeid.split("::", 1)[0]
        flows = module.startswith("tests/flows/") and item.path.stem in TOGETHER
        item.add_marker(pytest.mark.xdist_group("flows" if flows else module))
