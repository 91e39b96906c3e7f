"""The write path of one service in one process: facts, wakes, commands and checkpoints over one way of writing."""

from __future__ import annotations

from collections.abc import Callable

from shared.runtime.checkpointing import Checkpoints
from shared.runtime.checkpoints import Epochs
from shared.runtime.commands import Commands
from shared.runtime.declaration import Service
from shared.runtime.facts import Facts
from shared.runtime.messages import Signer
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.store import Store
from shared.runtime.wakes import Wakes
from shared.runtime.writing import Writing
from shared.trust.signing import KeySet


class Engine:
    """The parts, put together. ``keys`` gives the services' public keys of the moment."""

    def __init__(
        self,
        service: Service,
        store: Store,
        publisher: Publisher,
        signer: Signer,
        keys: Callable[[], KeySet],
        epochs: Epochs,
        metrics: Metrics,
    ) -> None:
        self.writing = Writing(service, store, publisher, signer, epochs, metrics)
        self.facts = Facts(self.writing, keys)
        self.wakes = Wakes(self.writing)
        self.commands = Commands(self.writing)
        self.checkpoints = Checkpoints(self.writing)
