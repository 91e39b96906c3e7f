"""Half a gigabyte goes through the gateway into evidence, and neither holds more than a few chunks of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from tests.deploy.processes import peak_memory, until

pytestmark = pytest.mark.platform
MEGABYTE = 1024 * 1024
SIZE = 500 * MEGABYTE
ALLOWED = 64 * MEGABYTE


def memory(pid: int) -> int:
    """Resident memory of a process now, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    """Let the kernel count the peak (VmHWM) anew from now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def test_an_upload_of_half_a_gigabyte_fits_into_64_megabytes(platform, engines, stage, everything):
    await everything.quiet()
    watched = (*engines.replicas_of("evidence"), "gateway")
    await stage.fresh()
    person, pids = stage.stranger, {name: platform.pid(name) for name in watched}
    idle = {name: memory(pid) for name, pid in pids.items()}
    for pid in pids.values():
        forget_peak(pid)
    digest, seen, sent = hashlib.sha256(), [], 0

    async def pieces():
        nonlocal sent
        while sent < SIZE:
            piece = os.urandom(MEGABYTE)
            digest.update(piece)
            sent += len(piece)
            if sent % (10 * MEGABYTE) == 0:
                seen.append({name: memory(pid) for name, pid in pids.items()})
            yield piece
            await asyncio.sleep(0)

    said = {"may_show_minor_sexually": False, "kind": "video", "name": "long.mp4"}
    headers = {
        "Recours-Exhibit": json.dumps(said),
        "Authorization": f"Bearer {person.session}",
        "Content-Type": "application/octet-stream",
    }
    path = f"/evidence/api/cases/{person.case}/exhibits"
    answer = await person.http.post(path, content=pieces(), headers=headers, timeout=120)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["size"], told["digest"]) == (SIZE, digest.hexdigest())
    peaks = {name: peak_memory(pid) for name, pid in pids.items()}
    grown = {name: (peaks[name] - idle[name]) // MEGABYTE for name in watched}
    assert {name: platform.pid(name) for name in watched} == pids, "a process that was started again proves nothing"
    assert len(seen) == SIZE // (10 * MEGABYTE)
    for name in watched:
        assert max(one[name] for one in seen) - idle[name] < ALLOWED, grown
        assert peaks[name] - idle[name] < ALLOWED, grown
    # Taken back, so that what follows does not have to look through it.
    taken_back = await person.http.post(f"{path}/{told['exhibit']}/withdrawal", headers=headers, json={})
    assert taken_back.status_code == 204

    async def gone() -> bool:
        return not any(told["exhibit"] in name for name in await asyncio.to_thread(everything.object_names))

    await until(gone, 60)
