"""The five services, each a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.site import Site, python

ENGINES = ("objects", "bus", "store", "keyring", "tsa", "mail", "payment", "gateway")
Command = Callable[[str], tuple[str, ...]]


def run_service(name: str) -> tuple[str, ...]:
    """The command that runs a service: ``recours run NAME``."""
    return python("-m", "deploy.cli.main", "run", name)


def service(site: Site, name: str, command: Command = run_service) -> Child:
    """A service, started once every engine is ready, drained for up to 20 s at the end."""
    return Child(
        name=name,
        what=f"service {name}",
        command=command(name),
        address=site.url(name),
        answers=lambda: probes.http(f"{site.url(name)}/readyz"),
        environment=lambda: {**site.process_environment(), **site.settings_of(name)},
        needs=ENGINES,
        drain_seconds=20,
        is_service=True,
    )
