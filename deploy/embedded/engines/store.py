"""MongoDB protocol: SecantusDB, a one-member replica set, run as a process and never imported (GPL-2.0)."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.ports import HOST
from deploy.embedded.site import Site, python
from shared.errors import Refused


def store(site: Site) -> Child:
    """The store. ``--sync-on-commit``: without it kill -9 loses acknowledged transactions (measured)."""
    program = Path(sysconfig.get_path("scripts")) / "secantusd-py"
    if not program.exists():
        raise Refused("engine-missing", "The store is not installed: pip install 'recours[embedded]'.")
    home = site.directory("store")
    configuration = home / "secantusd.toml"
    # Given explicitly, so that a file found in the working directory or the user's HOME changes nothing.
    configuration.touch(mode=0o600)
    environment = site.process_environment()
    return Child(
        name="store",
        what="SecantusDB, a MongoDB-compatible replica set",
        command=python(
            str(program),
            *("--config", str(configuration), "--host", HOST, "--port", str(site.ports["store"])),
            *("--storage-path", str(home / "data"), "--sync-on-commit", "--log-level", "WARNING"),
        ),
        address=site.store_url,
        answers=lambda: probes.mongo(site.store_url, site.ports["store"]),
        environment=lambda: environment,
        drain_seconds=15,
    )
