"""The local timestamp authority as a process, judged by OpenSSL and by rfc3161-client."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from asn1crypto import tsp
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response

from deploy.embedded import timestamp_authority as tsa
from deploy.embedded import timestamp_certificates as certificates
from shared import clock
from shared.trust.timestamps import QUERY_TYPE, REPLY_TYPE, fetch, request, verify

ROOT = Path(__file__).parents[2]
DATA = b"a screenshot"
DIGEST = hashlib.sha256(DATA).digest()
HEADERS = {"content-type": QUERY_TYPE}

platform = pytest.mark.platform


@contextmanager
def running(state: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "deploy.embedded.timestamp_authority", "--port", "0", "--state-dir", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline().split()
            assert ready[:1] == ["ready"]
            yield ready[1], process
        finally:
            if process.poll() is None:
                process.terminate()


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("tsa")) as (url, _):
        yield url


def post(url: str, content: bytes, **changed) -> httpx.Response:
    return httpx.post(url, content=content, headers=HEADERS | changed, trust_env=False)


def chain(url: str) -> bytes:
    return httpx.get(f"{url}/chain.pem", trust_env=False).content


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)


def serial(response: bytes) -> int:
    signed = tsp.TimeStampResp.load(response)["time_stamp_token"]["content"]
    return int(signed["encap_content_info"]["content"].parsed["serial_number"].native)


@pytest.fixture
def kept(url: str, tmp_path: Path) -> Path:
    """A folder as a person would hold it: file, token and chain."""
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "other").write_bytes(DATA + b".")
    (tmp_path / "tsa-chain.pem").write_bytes(chain(url))
    (tmp_path / "token.tsr").write_bytes(post(url, request(DIGEST).der).content)
    return tmp_path


@platform
@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's program is not installed")
def test_openssl_accepts_a_token_for_its_file_and_for_no_other(kept):
    def judged(data: str, chain: str = "tsa-chain.pem") -> subprocess.CompletedProcess[str]:
        return openssl("ts", "-verify", "-in", kept / "token.tsr", "-data", kept / data, "-CAfile", kept / chain)

    assert judged("file").returncode == 0
    assert "Verification: OK" in judged("file").stdout
    assert judged("other").returncode != 0


@platform
@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's program is not installed")
def test_openssl_refuses_the_token_under_another_authoritys_chain(kept, tmp_path):
    other = tsa.Authority(tmp_path / "other-tsa")
    (kept / "other.pem").write_bytes(other.chain_pem)
    other.close()
    answer = openssl("ts", "-verify", "-in", kept / "token.tsr", "-data", kept / "file", "-CAfile", kept / "other.pem")
    assert answer.returncode != 0


@platform
@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's program is not installed")
@pytest.mark.parametrize("algorithm", ["-sha256", "-sha384", "-sha512"])
def test_openssls_own_query_is_answered_to_its_satisfaction(kept, url, algorithm):
    openssl("ts", "-query", "-data", kept / "file", algorithm, "-cert", "-out", kept / "q.tsq")
    (kept / "r.tsr").write_bytes(post(url, (kept / "q.tsq").read_bytes()).content)
    chain = ("-CAfile", kept / "tsa-chain.pem")
    answer = openssl("ts", "-verify", "-queryfile", kept / "q.tsq", "-in", kept / "r.tsr", *chain)
    assert answer.returncode == 0, answer.stderr


@platform
def test_rfc3161_client_accepts_it_with_the_exact_certificate(url):
    from cryptography import x509

    leaf, root = x509.load_pem_x509_certificates(chain(url))
    asked = TimestampRequestBuilder().data(DATA).nonce(nonce=True).cert_request(cert_request=True).build()
    response = decode_timestamp_response(post(url, asked.as_bytes()).content)
    verifier = VerifierBuilder.from_request(asked).tsa_certificate(leaf).add_root_certificate(root).build()
    assert verifier.verify_message(response, DATA)
    with pytest.raises(VerificationError):
        verifier.verify_message(response, DATA + b".")


@platform
async def test_our_own_client_takes_many_tokens_at_once_with_serials_that_differ(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        tokens = await asyncio.gather(*(fetch(client, f"{url}/", DIGEST) for _ in range(40)))
    facts = [verify(token.response, DIGEST, chain(url), nonce=token.nonce, policy=tsa.POLICY) for token in tokens]
    assert len({fact.serial for fact in facts}) == 40


@platform
def test_it_stops_cleanly_on_sigterm_and_keeps_root_and_serials(tmp_path):
    with running(tmp_path) as (url, process):
        first = post(url, request(DIGEST).der).content
        before = chain(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    with running(tmp_path) as (url, _):
        assert chain(url) == before
        assert serial(post(url, request(DIGEST).der).content) > serial(first)
    verify(first, DIGEST, before)


@platform
def test_no_serial_comes_twice_after_a_kill(tmp_path):
    with running(tmp_path) as (url, process):
        taken = [serial(post(url, request(DIGEST).der).content) for _ in range(3)]
        process.kill()
        process.wait()
    with running(tmp_path) as (url, _):
        taken += [serial(post(url, request(DIGEST).der).content) for _ in range(3)]
    assert len(set(taken)) == 6
    assert taken == sorted(taken)


@platform
def test_two_processes_cannot_share_a_state_directory(tmp_path):
    with running(tmp_path):
        command = [
            sys.executable,
            "-m",
            "deploy.embedded.timestamp_authority",
            "--port",
            "0",
            "--state-dir",
            str(tmp_path),
        ]
        second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=30)
    assert second.returncode != 0
    assert "in use" in second.stderr


@platform
def test_the_keys_are_readable_by_their_owner_only(tmp_path):
    with running(tmp_path):
        assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("*.pem")} == {0}


@platform
@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("GET", "/healthz", "", 200),
        ("GET", "/chain.pem", "", 200),
        ("GET", "/root.pem", "", 404),
        ("GET", "/../state/root.pem", "", 404),
        ("POST", "/", "text/plain", 415),
        ("POST", "/elsewhere", QUERY_TYPE, 404),
        ("PUT", "/", QUERY_TYPE, 501),
    ],
)
def test_every_other_door_is_shut(url, method, path, kind, status):
    headers = {"content-type": kind} if kind else {}
    content = request(DIGEST).der if kind else None
    assert httpx.request(method, url + path, content=content, headers=headers, trust_env=False).status_code == status


@platform
def test_a_body_too_long_is_refused_and_the_next_request_is_served(url):
    assert post(url, b"x" * (tsa.MAX_QUERY_BYTES + 1)).status_code == 413
    assert post(url, request(DIGEST).der).status_code == 200


@platform
def test_a_refusal_is_a_timestamp_response(url):
    answer = post(url, b"junk")
    assert (answer.status_code, answer.headers["content-type"]) == (200, REPLY_TYPE)
    assert refused(answer.content) == {"bad_data_format"}


def refused(response: bytes) -> set[str]:
    answer = tsa.Answer.load(response, strict=True)
    assert answer["status"]["status"].native == "rejection"
    assert answer["time_stamp_token"].native is None
    return set(answer["status"]["fail_info"].native)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Iterator[tsa.Authority]:
    authority = tsa.Authority(tmp_path_factory.mktemp("tsa"))
    yield authority
    authority.close()


def query(**changed) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": changed.pop("algorithm", "sha256")}, "hashed_message": DIGEST}
    return bytes(tsp.TimeStampReq({"version": 1, "message_imprint": imprint} | changed).dump())


@pytest.mark.parametrize(
    ("asked", "failure"),
    [
        (query(algorithm="sha1"), "bad_alg"),
        (query(algorithm="md5"), "bad_alg"),
        (query(algorithm="sha512"), "bad_data_format"),
        (query(req_policy="1.2.3.4"), "unaccepted_policy"),
        (query(extensions=[{"extn_id": "1.2.3.4", "critical": False, "extn_value": b"x"}]), "unaccepted_extensions"),
        (query(version=2), "bad_request"),
        (b"", "bad_data_format"),
        (b"\x30\x03\x02\x01\x01", "bad_data_format"),
        (query() + b"\0", "bad_data_format"),
        (query()[:-1], "bad_data_format"),
    ],
)
def test_what_cannot_be_stamped_is_refused_with_the_failure_of_the_standard(authority, asked, failure):
    assert refused(authority.answer(asked)) == {failure}


def test_its_own_policy_may_be_asked_for_and_no_nonce_is_made_up(authority):
    info = tsp.TimeStampResp.load(authority.answer(query(req_policy=tsa.POLICY)))["time_stamp_token"]["content"]
    assert info["encap_content_info"]["content"].parsed["nonce"].native is None


def test_a_certificate_near_its_end_is_renewed_under_the_same_root_and_old_tokens_verify(tmp_path, monkeypatch):
    authority = tsa.Authority(tmp_path)
    old_chain, token = authority.chain_pem, authority.answer(request(DIGEST).der)
    authority.close()

    for module in (tsa, certificates):
        monkeypatch.setattr(module, "clock_now", lambda: clock.now() + timedelta(days=2 * 365 + 1))
    authority = tsa.Authority(tmp_path)
    new_chain = authority.chain_pem
    authority.close()

    assert new_chain != old_chain
    assert new_chain.split(b"-----BEGIN")[2] == old_chain.split(b"-----BEGIN")[2]
    verify(token, DIGEST, new_chain)


def test_serials_are_reserved_before_they_are_used(tmp_path):
    path = tmp_path / "serial"
    serials = tsa.Serials(path)
    taken = [serials.take() for _ in range(tsa.SERIALS_RESERVED + 1)]
    assert taken == sorted(set(taken))
    assert tsa.Serials(path).take() > taken[-1]


def test_it_says_everywhere_that_it_is_not_qualified(authority):
    assert "not qualified" in authority._leaf.subject.rfc4514_string()
    assert "not qualified" in authority._root.subject.rfc4514_string()
