"""A real OpenBao server in memory, for one test session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT_TOKEN = "root-of-the-tests"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def program() -> str:
    beside = Path(sys.executable).parent / "bao"
    return str(beside) if beside.exists() else (shutil.which("bao") or "bao")


AUTHORITY = "vault-ca.pem"
"""With TLS: the certificate authority of the server, in its folder."""


@contextmanager
def running(folder: Path, *, tls: bool = False) -> Iterator[str]:
    """Its base address; the process is gone afterwards. Nothing is written outside ``folder``."""
    port = free_port()
    command = [program(), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}"]
    command.append(f"-dev-listen-address=127.0.0.1:{port}")
    if tls:
        command += ["-dev-tls", f"-dev-tls-cert-dir={folder}"]
    with (folder / "bao.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)}, cwd=folder)
        address = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            _await_health(address, process, folder / "bao.log")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_health(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{address}/v1/sys/health", trust_env=False, verify=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"OpenBao did not start: {log.read_text(errors='replace')[-800:]}")
