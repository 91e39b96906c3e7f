"""How the suite is shared among workers: a module stays together, and so do the flows, which share one platform."""

from __future__ import annotations

import pytest

FLOWS = "tests/flows/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        module = item.nodeid.split("::", 1)[0]
        item.add_marker(pytest.mark.xdist_group(FLOWS if module.startswith(FLOWS) else module))
