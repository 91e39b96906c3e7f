"""The write path of one service in one process: facts, wakes, commands and checkpoints over one way of writing."""

from __future__ import annotations

from collections.abc import Callable

from shared.runtime.checkpointing import Checkpoints
from shared.runtime.commands import Commands
from shared.runtime.facts import Facts
from shared.runtime.wakes import Wakes
from shared.runtime.writing import Writing
from shared.trust.signing import KeySet


class Engine:
    """The parts, put together. ``keys`` gives the services' public keys of the moment."""

    def __init__(self, writing: Writing, keys: Callable[[], KeySet]) -> None:
        self.writing = writing
        self.facts = Facts(writing, keys)
        self.wakes = Wakes(writing)
        self.commands = Commands(writing)
        self.checkpoints = Checkpoints(writing)
