from __future__ import annotations

import asyncio
import hashlib
from functools import partial

import httpx
import pytest

from deploy.embedded import probes
from tests.deploy.processes import free_ports, peak_memory, running, until

pytestmark = pytest.mark.platform
MB = 1024 * 1024


@pytest.fixture(scope="module")
async def gateway(tmp_path_factory):
    at = free_ports(tmp_path_factory.mktemp("ports"), "gateway", "intake", "evidence", "billing", "legal")
    echo = ("-m", "tests.deploy.echo_service")
    routes = [part for name in ("evidence", "billing", "legal") for part in ("--route", f"{name}=127.0.0.1:{at[name]}")]
    command = ("-m", "deploy.embedded.gateway", "--port", str(at["gateway"]), *routes)
    with (
        running(*echo, RECOURS_LISTEN_PORT=str(at["intake"]), ECHO_NAME="intake"),
        running(*echo, RECOURS_LISTEN_PORT=str(at["evidence"]), ECHO_NAME="evidence"),
        running(*echo, RECOURS_LISTEN_PORT=str(at["legal"]), ECHO_NAME="legal"),
        running(*command, "--default", f"127.0.0.1:{at['intake']}") as process,
    ):
        for name in ("gateway", "intake", "evidence", "legal"):
            await until(partial(probes.listening, at[name]))
        url = f"http://127.0.0.1:{at['gateway']}"
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            client.headers["x-test-pid"] = str(process.pid)
            yield client


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "intake"),
        ("/cases/1", "intake"),
        ("/evidence", "evidence"),
        ("/evidence/x", "evidence"),
        ("/evidencex", "intake"),
        ("/legal/a/b?c=d", "legal"),
    ],
)
async def test_a_path_leads_to_its_service(gateway, path, service):
    assert (await gateway.get(path)).json()["service"] == service


async def test_path_and_query_pass_byte_for_byte(gateway):
    target = "/evidence/a%2Fb/%C3%A9;v=1?q=%20+&&r"
    assert (await gateway.get(target)).json()["target"] == target


async def test_headers_of_one_hop_stay_and_the_client_cannot_say_who_it_is(gateway):
    headers = {"X-Forwarded-For": "1.2.3.4", "Connection": "keep-alive, X-Mine", "X-Mine": "1", "X-Kept": "2"}
    answer = await gateway.get("/", headers=headers)
    sent = dict(answer.json()["headers"])
    assert sent["x-forwarded-for"] == "127.0.0.1"
    assert sent["x-kept"] == "2"
    assert sent["x-forwarded-host"] == f"127.0.0.1:{gateway.base_url.port}"
    assert "x-mine" not in sent
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "x-hop" not in answer.headers


async def test_cookies_of_one_client_never_reach_another(gateway):
    gateway.cookies.clear()
    await gateway.get("/")
    gateway.cookies.clear()
    assert "cookie" not in dict((await gateway.get("/")).json()["headers"])


@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/evidence/healthz", "/evidence/%68ealthz", "//metrics", "/evidence//metrics/"]
)
async def test_what_operators_see_is_not_passed_on(gateway, path):
    answer = await gateway.get(httpx.URL(f"http://127.0.0.1:{gateway.base_url.port}", raw_path=path.encode()))
    assert answer.status_code == 404
    assert "service" not in answer.json()


async def test_a_path_that_climbs_is_refused(gateway):
    url = httpx.URL(f"http://127.0.0.1:{gateway.base_url.port}", raw_path=b"/evidence/%2e%2e/healthz")
    assert (await gateway.get(url)).status_code == 400


async def test_a_service_that_is_down_is_a_problem_with_retry_after(gateway):
    answer = await gateway.get("/billing/x")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_hundred_megabytes_pass_both_ways_in_flat_memory(gateway):
    digest = hashlib.sha256()
    block = bytes(range(256)) * 4096

    async def body():
        for _ in range(100):
            digest.update(block)
            yield block

    before = peak_memory(int(gateway.headers["x-test-pid"]))
    answer = (await gateway.post("/evidence/upload", content=body())).json()
    assert answer["size"] == 100 * MB
    assert answer["sha256"] == digest.hexdigest()
    down = hashlib.sha256()
    size = 0
    async with gateway.stream("GET", "/evidence/download?1600") as response:
        async for chunk in response.aiter_raw():
            size += len(chunk)
            down.update(chunk)
    assert size == 100 * MB
    assert down.hexdigest() == digest.hexdigest()
    assert peak_memory(int(gateway.headers["x-test-pid"])) - before < 20 * MB


async def test_an_answer_before_the_end_of_the_upload_reaches_the_client(gateway):
    async def body():
        for _ in range(4):
            yield b"x" * MB

    answer = await gateway.post("/evidence/early", content=body())
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["slow", "upload"])
async def test_a_client_that_leaves_takes_its_request_with_it(gateway, path):
    before = (await gateway.get("/evidence/")).json()["left"]
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.base_url.port)
    # "slow" has its whole request; "upload" promises more than it sends.
    promised = 3 if path == "slow" else 10_000
    writer.write(f"POST /evidence/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {promised}\r\n\r\nabc".encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()

    async def left() -> bool:
        return bool((await gateway.get("/evidence/")).json()["left"] > before)

    await until(left, 10)


async def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(gateway):
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.get("/legal/broken")
    assert (await gateway.get("/legal/")).status_code == 503
