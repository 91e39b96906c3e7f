"""What a platform is made of: which engines, and how many replicas of each service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .child import Child
    from .site import Site


@dataclass(frozen=True)
class EngineSet:
    """One choice of engines. Services are told addresses and credentials by it, and nothing else differs for them.

    ``makers``: how each engine is started, by its name, in the order in which they are listed and (backwards) ended.
    ``further_ports``: what engines listen on beside the port of their name. ``object_users``: the object server knows
    a user for each service, who may use that service's bucket alone. ``stamps_at``, ``chain_at``: paths of the
    timestamp authority. ``replicas``: of each service that has more than one.
    """

    name: str
    makers: Mapping[str, Callable[[Site], Child]]
    bus_idempotence: bool
    object_users: bool
    stamps_at: str
    chain_at: str
    further_ports: tuple[str, ...] = ()
    replicas: Mapping[str, int] = field(default_factory=dict)

    def replicas_of(self, service: str) -> tuple[str, ...]:
        """Names of the processes of a service: its own, then ``legal-2`` and so on."""
        return (service, *(f"{service}-{number}" for number in range(2, self.replicas.get(service, 1) + 1)))
