"""Runs a program that dies with its supervisor: ``python -m deploy.embedded.launch SUPERVISOR_PID PROGRAM ARGS...``.

The kernel sends SIGKILL when the supervisor is gone, even by kill -9 (PR_SET_PDEATHSIG, kept over exec).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Binds this process to the supervisor, then becomes the program."""
    supervisor, *program = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise SystemExit("This system cannot bind a child to its supervisor: the embedded platform needs Linux.")
    # The supervisor may have died before the binding; then nobody would ever end this process.
    if os.getppid() != int(supervisor):
        raise SystemExit("The supervisor is gone.")
    os.execv(program[0], program)  # noqa: S606 - the supervisor's own fixed commands


if __name__ == "__main__":
    main(sys.argv[1:])
