from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from minio import Minio

from deploy.embedded import lock, probes
from deploy.embedded.engine_sets import site_of
from deploy.embedded.engines import objects
from deploy.embedded.site import BUCKET_OF_THE_BUS, ROOT
from deploy.embedded.supervisor import Platform
from shared.errors import NotFound, Refused
from shared.runtime.archive import BusReading
from shared.settings import read
from shared.trust.keyring import Keyring, KeyringDenied
from tests.deploy.processes import until
from tests.deploy.traces import Traces

pytestmark = pytest.mark.platform
ENGINES = ("objects", "bus", "store", "keyring", "tsa", "mail", "payment", "gateway")


@pytest.fixture(scope="module")
async def platform(tmp_path_factory, engines):
    farewell = tmp_path_factory.mktemp("farewell") / "said"
    code = "import runpy; runpy.run_module('tests.deploy.echo_service', run_name='__main__')"

    def echo(name: str) -> tuple[str, ...]:
        setting = f"import os; os.environ.update(ECHO_NAME={name!r}, ECHO_FAREWELL={str(farewell)!r}); "
        return (sys.executable, "-c", setting + code)

    seen: list[int] = []
    platform = Platform(
        tmp_path_factory.mktemp("platform") / "up", ("intake", "evidence"), engines=engines, command=echo
    )
    async with platform:
        yield platform
        seen += [platform.pid(name) for name in (*ENGINES, "intake", "evidence")]
    assert all(seen)
    assert farewell.read_text() == "store answers", "services drain while engines still answer"
    assert all(lock.born(pid) == 0 for pid in seen)


@pytest.fixture(scope="module")
async def traces(platform):
    traces = Traces(platform.site)
    await traces.leave()
    return traces


@pytest.mark.parametrize("engine", ENGINES)
async def test_an_engine_that_is_killed_comes_back_with_what_it_kept(platform, traces, engine):
    before = platform.pid(engine)
    platform.kill(engine)
    await platform.wait_restarted(engine)
    assert platform.pid(engine) not in (0, before)
    assert await traces.lost() == []


async def test_a_second_engine_killed_with_the_first_loses_nothing(platform, traces):
    platform.kill("objects")
    platform.kill("bus")
    await platform.ready()
    assert await traces.lost() == []


async def test_a_watermark_raised_for_records_that_a_killed_bus_never_wrote_ends_the_log_all_the_same(
    platform, traces, engines
):
    if engines.name != "embedded":
        pytest.skip("of the embedded bus alone: Kafka raises no watermark before the record is written")
    partition = "clusters/tansu_cluster/topics/hearing-scheduled/partitions/0000000000/"
    bus = platform.site.address("bus")
    async with AIOKafkaProducer(bootstrap_servers=bus, acks="all") as producer:
        for _ in range(3):
            await producer.send_and_wait("hearing-scheduled", b"{}", key=b"a", partition=0)
        await asyncio.to_thread(_raise_watermark, objects.client(platform.site), partition + "watermark.json")
        platform.kill("bus")
        await platform.wait_restarted("bus")
        reading = BusReading(bus, ["hearing-scheduled"])
        assert [record.offset async for record in reading] == [0, 1, 2]
        assert reading.ends["hearing-scheduled", 0] == 4
        await producer.send_and_wait("hearing-scheduled", b"{}", key=b"a", partition=0)
    assert [record.offset async for record in BusReading(bus, ["hearing-scheduled"])] == [0, 1, 2, 4]
    assert await traces.lost() == []


def _raise_watermark(client: Minio, name: str) -> None:
    with contextlib.closing(client.get_object(BUCKET_OF_THE_BUS, name)) as found:
        watermark = json.loads(found.data)
    raised = json.dumps({**watermark, "high": watermark["high"] + 1}).encode()
    client.put_object(BUCKET_OF_THE_BUS, name, io.BytesIO(raised), len(raised), content_type="application/json")


async def test_object_lock_is_there_again_after_the_object_server_was_killed(platform, traces):
    platform.kill("objects")
    await platform.wait_restarted("objects")
    client = objects.client(platform.site)
    await asyncio.to_thread(client.get_object_lock_config, "recours-evidence")
    names = await asyncio.to_thread(lambda: {bucket.name for bucket in client.list_buckets()})
    assert {"recours-intake", "recours-evidence", "recours-legal", "recours-billing", "recours-notify"} <= names


async def test_a_service_is_killed_and_comes_back_through_the_gateway(platform):
    async with httpx.AsyncClient(base_url=platform.origin, trust_env=False) as client:
        assert (await client.get("/evidence/x")).json()["service"] == "evidence"
        assert (await client.get("/billing/x")).status_code == 503
        platform.kill("evidence")
        await platform.wait_restarted("evidence")
        assert (await client.get("/evidence/x")).json()["service"] == "evidence"
    assert platform.restarts("evidence") == 1


async def test_a_paused_child_is_silent_and_goes_on_as_the_same_process(platform, traces):
    before = platform.pid("mail")
    platform.pause("mail")
    assert not await probes.greeting(platform.site.ports["mail"], b"220")
    platform.resume("mail")
    await traces.leave_mail()
    assert platform.pid("mail") == before


async def test_the_settings_of_a_service_open_what_is_its_own(platform, engines, monkeypatch):
    for name, value in platform.settings_for("billing").items():
        monkeypatch.setenv(name, value)
    settings = read()
    assert settings.bus == (platform.site.address("bus"),)
    assert settings.bus_idempotence == engines.bus_idempotence
    assert settings.tsa_chain is not None
    assert settings.tsa_chain.read_bytes().startswith(b"-----BEGIN CERTIFICATE")
    async with Keyring(settings.keyring, settings.keyring_token.get_secret_value()) as keyring:
        secret = await keyring.secret("billing", "payment-webhook")
        assert secret == settings.payment_webhook_secret.get_secret_value()
        with pytest.raises(KeyringDenied):
            await keyring.signing_key("intake")


async def test_secrets_are_private_and_the_public_file_has_none(platform):
    root = (platform.data / "keyring" / "root-token").read_text()
    for path in ("keyring/root-token", "keyring/master.key", "settings/billing.env", "payment/api-key"):
        assert (platform.data / path).stat().st_mode & 0o077 == 0
    assert platform.data.stat().st_mode & 0o077 == 0
    public = (platform.data / "platform.json").read_text()
    secrets = [root, *platform.site.tokens.values(), platform.site.webhook_secret, platform.site.payment_key()]
    assert not any(secret in public for secret in secrets)
    for log in (platform.data / "logs").glob("*.log"):
        assert not any(secret.encode() in log.read_bytes() for secret in secrets), log.name


async def test_everything_listens_on_loopback_alone(platform):
    own = {inode for name in (*ENGINES, "intake", "evidence") for inode in _sockets(platform.pid(name))}
    found = 0
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        listening = [row[1].split(":") for row in rows if row[3] == "0A" and row[9] in own]
        # IPv4's loopback, and the same as IPv6 writes it.
        assert {host for host, _ in listening} <= {"0100007F", "0000000000000000FFFF00000100007F"}
        found += len(listening)
    assert found >= len(ENGINES) + 2


def _sockets(pid):
    """Inodes of the sockets that a process holds."""
    targets = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


async def test_keyring_audit_is_written(platform, traces):
    assert "recours/data/marks/one" in (platform.data / "keyring" / "audit.jsonl").read_text()


async def test_a_second_platform_on_the_same_directory_is_refused(platform):
    with pytest.raises(Refused, match="already runs"):
        async with Platform(platform.data, ()):
            pass
    assert await probes.mongo(platform.site.store_url, platform.site.ports["store"])


async def test_an_unknown_child_is_refused_by_name(platform):
    with pytest.raises(NotFound, match="objects, bus"):
        platform.kill("mongo")


async def test_a_dead_supervisor_takes_its_children_along_and_the_next_one_finds_everything(tmp_path, engines):
    data = tmp_path / "up"
    began = time.monotonic()
    first = await _up(data, engines)
    assert time.monotonic() - began < 30
    traces = Traces(site_of(data))
    await traces.leave()
    children = _children(data)
    refused = await asyncio.create_subprocess_exec(*_command(data, engines), cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    _, said = await refused.communicate()
    assert refused.returncode == 1
    assert b"already runs" in said
    assert b"Traceback" not in said
    first.kill()
    await first.wait()
    await until(lambda: _gone(children))
    second = await _up(data, engines)
    try:
        assert site_of(data).ports == traces.site.ports
        assert await traces.lost() == []
        children = _children(data)
    finally:
        # Ctrl-C.
        second.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await second.wait() == 0
    assert await _gone(children)
    assert {child["state"] for child in _platform_file(data)["children"].values()} == {"stopped"}


def _command(data, engines):
    up = ("up", "--data", str(data), "--only", "none", "--engines", engines.name)
    return (sys.executable, "-m", "deploy.cli.main", *up)


async def _up(data, engines):
    process = await asyncio.create_subprocess_exec(
        *_command(data, engines), cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    async with asyncio.timeout(60):
        assert process.stdout is not None
        while b"Open http" not in (line := await process.stdout.readline()):
            assert line, "the platform ended before it was ready"
    return process


def _platform_file(data):
    return json.loads((data / "platform.json").read_text())


def _children(data) -> dict[int, int]:
    found = {child["pid"]: child["born"] for child in _platform_file(data)["children"].values()}
    assert len(found) == len(ENGINES)
    assert all(found)
    return found


async def _gone(children) -> bool:
    return all(lock.born(pid) != birth for pid, birth in children.items())
