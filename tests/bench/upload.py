"""A file on its way from a sender to the object server: through evidence, and through a bare put_object.

Both servers are started for each run. The sender is the measured side: it sends the same bytes over one connection and
then, no longer measured, fetches them back from where they were stored and hashes them.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import urllib3
from minio import Minio

from deploy.demo.client import Person, until
from deploy.demo.story import PASSPHRASE
from deploy.embedded.engines.objects import bucket
from deploy.embedded.ports import HOST
from deploy.embedded.site import OBJECTS_ROOT, REGION, python
from shared import clock, ids
from tests.bench.processes import forget_peak, memory, started
from tests.bench.ratios import Goal
from tests.bench.runner import Bench, Prepared, Row, Side
from tests.bench.side import Measured, Plan, Watch
from tests.shared.runtime.processes import free_port

ROWS = ("upload",)
MEGABYTE = 1024 * 1024
MEGABYTES = 96
FLAT = 64
"""Megabytes that a process may grow by while a file passes that is larger than this."""


async def rows(bench: Bench) -> None:
    size = bench.size(MEGABYTES, 16) * MEGABYTE
    grown: list[float] = []
    processor: dict[bool, list[float]] = {True: [], False: []}
    async with (
        bench.platform(("intake",)) as engines,
        httpx.AsyncClient(base_url=engines.platform.site.url("intake"), timeout=60, trust_env=False) as intake,
    ):
        site = engines.platform.site
        person = await _opened(intake)
        access, secret = site.object_keys(OBJECTS_ROOT)
        common = {"size": size, "objects": site.address("objects"), "access": access, "secret": secret}

        async def prepared(side: Side) -> Prepared:
            stack = AsyncExitStack()
            port = free_port()
            ours = side.name == "evidence"
            command = None if ours else python("-m", "tests.bench.bare_upload", str(port))
            process, _ = await stack.enter_async_context(started(engines.platform, "evidence", port, command=command))
            plan = {**common, "port": port, "ours": ours, "bucket": bucket("evidence"), "name": ids.new()}
            if ours:
                await person.again()
                await _known(port, person)
                plan |= {"case": person.case, "session": person.session}
            forget_peak(process.pid)
            before = memory(process.pid)
            plan["pids"] = {"server": process.pid}

            async def after(measured: Measured) -> None:
                if measured.count:
                    processor[ours].append(measured.more["cpu_server"] / measured.count * 1000)
                    if ours:
                        grown.append((memory(process.pid, "VmHWM") - before) / MEGABYTE)
                await stack.aclose()

            return Prepared(plan, after=after)

        bare = Side("bare put_object", "upload.send")
        row = Row(
            "upload",
            f"upload of {size // MEGABYTE} MB: hashed, known, sealed, stored, registered / a bare put_object",
            bare,
            Side("evidence", "upload.send"),
            Side("bare put_object again", "upload.send"),
            Goal("at least", 0.7),
        )
        await bench.compare(prepared, [row])
    says = f"growth of evidence while {size // MEGABYTE} MB pass"
    bench.figure("upload.memory", says, "MB", grown, Goal("at most", FLAT))
    bench.figure("upload.cpu", "processor time of evidence for a megabyte", "ms", processor[True])
    bench.figure("upload.cpu.bare", "processor time of the bare server for a megabyte", "ms", processor[False])


async def _opened(intake: httpx.AsyncClient) -> Person:
    """Somebody with a case."""
    person = Person(intake)
    day = clock.paris_day(clock.now()) - timedelta(days=3)
    act = {"kind": "insult", "day": day.isoformat(), "public": True}
    told = await person.sign_in("/api/cases", {"persona": "victim", "passphrase": PASSPHRASE, "acts": [act]})
    person.case = told["case"]
    return person


async def _known(port: int, person: Person) -> None:
    """Wait until this evidence has read of the case and of the session's sequence."""
    headers = {"Authorization": f"Bearer {person.session}"}
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=20) as client:

        async def there() -> bool:
            answer = await client.get(f"/evidence/api/cases/{person.case}/exhibits", headers=headers)
            return answer.status_code == 200

        await until("evidence knows the case", there)


# ---- the sender


async def send(plan: Plan) -> Measured:
    """Send the file, then fetch it back."""
    pieces = _pieces()
    digest = hashlib.sha256()
    for one in _content(pieces, plan["size"]):
        digest.update(one)
    connection = http.client.HTTPConnection(HOST, plan["port"], timeout=300)
    path, headers = _request(plan)
    watch = Watch(plan)
    watch.start()
    connection.request("POST", path, body=_content(pieces, plan["size"]), headers=headers)
    answer = connection.getresponse()
    said = answer.read()
    measured = watch.stop(plan["size"] // MEGABYTE)
    if answer.status != 201:
        raise AssertionError(f"It was answered {answer.status}.")
    if plan["ours"]:
        told = json.loads(said)
        if (told["digest"], told["size"]) != (digest.hexdigest(), plan["size"]):
            raise AssertionError("Evidence measured another file than was sent.")
        got = _from_evidence(connection, plan, told["exhibit"])
    else:
        got = _from_server(plan)
    if got != digest.hexdigest():
        raise AssertionError("The file that is stored is not the one that was sent.")
    measured.digest = got
    return measured


def _request(plan: Plan) -> tuple[str, dict[str, str]]:
    length = {"Content-Length": str(plan["size"]), "Content-Type": "application/octet-stream"}
    if not plan["ours"]:
        return f"/{plan['bucket']}/{plan['name']}", length
    said = {"may_show_minor_sexually": False, "kind": "video", "name": "long.mp4"}
    own = {"Authorization": f"Bearer {plan['session']}", "Recours-Exhibit": json.dumps(said)}
    return f"/evidence/api/cases/{plan['case']}/exhibits", {**length, **own}


def _pieces() -> list[bytes]:
    """Bytes that no stage could make smaller."""
    chance = random.Random(1)
    return [chance.randbytes(MEGABYTE) for _ in range(8)]


def _content(pieces: list[bytes], size: int) -> Iterator[bytes]:
    for number in range(size // MEGABYTE):
        yield pieces[number % len(pieces)]


def _from_evidence(connection: http.client.HTTPConnection, plan: Plan, exhibit: str) -> str:
    path = f"/evidence/api/cases/{plan['case']}/exhibits/{exhibit}"
    headers = {"Authorization": f"Bearer {plan['session']}"}
    connection.request("GET", f"{path}/original", headers=headers)
    got = _hashed(connection.getresponse())
    headers["Content-Type"] = "application/json"
    connection.request("POST", f"{path}/withdrawal", body=b"{}", headers=headers)
    connection.getresponse().read()
    return got


def _from_server(plan: Plan) -> str:
    client = Minio(
        plan["objects"],
        plan["access"],
        plan["secret"],
        secure=False,
        region=REGION,
        http_client=urllib3.PoolManager(retries=False),
    )
    answer: Any = client.get_object(plan["bucket"], plan["name"])
    got = _hashed(answer)
    answer.close()
    answer.release_conn()
    return got


def _hashed(answer: Any) -> str:
    digest = hashlib.sha256()
    while chunk := answer.read(MEGABYTE):
        digest.update(chunk)
    return digest.hexdigest()
