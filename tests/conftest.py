"""Which engines the platforms of the suite run on, and how the suite is shared among workers.

A module stays together, and so do the folders whose modules share one platform.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engine_sets import named

TOGETHER = ("tests/flows/", "tests/engines/")
ALONE = ("tests/flows/test_restart.py", "tests/flows/test_restored.py")
"""Of them, the modules that start platforms of their own."""

# A machine that is busy makes no test fail: what takes long is found by `make bench`, not by a deadline here.
settings.register_profile("recours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("recours")


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "engines of every platform that a test starts"
    parser.addoption("--engines", choices=("embedded", "real"), default="embedded", help=told)


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> EngineSet:
    """The engines of this run: give them to every platform."""
    return named(request.config.getoption("--engines"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--engines")
    for item in items:
        for only in item.iter_markers("engines"):
            if chosen not in only.args:
                reason = f"of {', '.join(only.args)} engines alone: {only.kwargs['reason']}"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return Together(config, log)


class Together(LoadScopeScheduling):
    """Gives a worker one module at a time, and the folders that stay together at once.

    Groups by mark are no way: with pytest 9.2, xdist 3.8 spreads them over all workers (its issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", 1)[0]
        if module in ALONE:
            return module
        return next((folder for folder in TOGETHER if module.startswith(folder)), module)
