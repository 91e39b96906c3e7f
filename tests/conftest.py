"""Which engines the platforms of the suite run on, and how the suite is shared among workers.

A module stays together, and so do the flows, which share one platform.
"""

from __future__ import annotations

import pytest

from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engine_sets import named

FLOWS = "tests/flows/"


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "engines of every platform that a test starts"
    parser.addoption("--engines", choices=("embedded", "real"), default="embedded", help=told)


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> EngineSet:
    """The engines of this run: give them to every platform."""
    return named(request.config.getoption("--engines"))


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--engines")
    for item in items:
        for only in item.iter_markers("engines"):
            if chosen not in only.args:
                reason = f"of {', '.join(only.args)} engines alone: {only.kwargs['reason']}"
                item.add_marker(pytest.mark.skip(reason=reason))
    for item in items:
        module = item.nodeid.split("::", 1)[0]
        item.add_marker(pytest.mark.xdist_group(FLOWS if module.startswith(FLOWS) else module))
