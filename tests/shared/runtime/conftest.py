"""The engines that the toy services of a module run beside, with no service of recours."""

from __future__ import annotations

import pytest

from deploy.embedded.supervisor import Platform
from tests.shared.runtime.processes import close_databases


@pytest.fixture(scope="module")
async def platform(tmp_path_factory, engines):
    async with Platform(tmp_path_factory.mktemp("platform"), services=(), engines=engines) as platform:
        yield platform
        close_databases()
