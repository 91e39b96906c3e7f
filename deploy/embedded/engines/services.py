"""The five services, each a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.site import Site, python

Command = Callable[[str], tuple[str, ...]]


def run_service(name: str) -> tuple[str, ...]:
    """The command that runs a service: ``recours run NAME``."""
    return python("-m", "deploy.cli.main", "run", name)


def service(site: Site, name: str, command: Command = run_service) -> list[Child]:
    """The replicas of a service, started once every engine is ready, drained for up to 20 s at the end."""
    return [_replica(site, name, process, command) for process in site.engines.replicas_of(name)]


def _replica(site: Site, name: str, process: str, command: Command) -> Child:
    return Child(
        name=process,
        what=f"service {name}",
        command=command(name),
        address=site.url(process),
        answers=lambda: probes.http(f"{site.url(process)}/readyz"),
        environment=lambda: {**site.process_environment(), **site.settings_of(name, process)},
        needs=tuple(site.engines.makers),
        drain_seconds=20,
        is_service=True,
    )
