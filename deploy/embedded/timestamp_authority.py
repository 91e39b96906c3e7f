"""A local RFC 3161 timestamp authority for the embedded platform: real tokens, not qualified, and it says so.

``python -m deploy.embedded.timestamp_authority --host 127.0.0.1 --port N --state-dir DIR``

    POST /           application/timestamp-query → application/timestamp-reply (refusals are TimeStampResp too)
    GET  /chain.pem  its certificate, then the root
    GET  /healthz    200 once it can sign

DIR keeps the root, the present certificate and the serial counter; serial numbers never repeat, not even after a
crash (RFC 3161, 2.4.2), and one process at a time may use DIR.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import signal
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from shared.clock import now as clock_now

from .files import write_atomically
from .timestamp_certificates import LEAF_RENEWED_BEFORE, certified, leaf_certificate, root_certificate

# Under 2.25 (ITU-T X.667), the arc of UUIDs, which needs no registration.
POLICY = "2.25.147625093507625149254644216515454268786.1"
DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
MAX_QUERY_BYTES = 16 * 1024
SERIALS_RESERVED = 1000


class Refusal(Exception):
    """A request that is answered by a refusal: RFC 3161 failure info and a text."""

    def __init__(self, failure: str, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


class Answer(core.Sequence):  # type: ignore[misc]
    """TimeStampResp; a refusal has no token (asn1crypto's own class requires one)."""

    _fields: ClassVar[list[Any]] = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


class Serials:
    """Serial numbers that grow and never repeat: a block is reserved on disk before its first is used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._next = self._reserved = int(path.read_text()) if path.exists() else 1

    def take(self) -> int:
        with self._lock:
            if self._next >= self._reserved:
                self._reserved += SERIALS_RESERVED
                write_atomically(self._path, str(self._reserved).encode())
            self._next += 1
            return self._next - 1


class Authority:
    """The keys, certificates and serials of ``state_dir`` (made when absent). Raises SystemExit if it is in use."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._lock = (state_dir / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise SystemExit(
                f"{state_dir} is in use: stop the other timestamp authority, or give another --state-dir."
            ) from None
        self._root_key, self._root = certified(state_dir, "root", root_certificate)
        self._key, self._leaf = certified(
            state_dir,
            "tsa",
            lambda key: leaf_certificate(key, self._root_key, self._root),
            renewed_before=LEAF_RENEWED_BEFORE,
        )
        self._leaf_der = self._leaf.public_bytes(Encoding.DER)
        self._serials = Serials(state_dir / "serial")

    @property
    def chain_pem(self) -> bytes:
        """The present certificate, then the root."""
        return self._leaf.public_bytes(Encoding.PEM) + self._root.public_bytes(Encoding.PEM)

    def close(self) -> None:
        """Let another process use the state directory."""
        self._lock.close()

    def answer(self, query: bytes) -> bytes:
        """The DER TimeStampResp to a DER TimeStampReq, granted or refused."""
        try:
            asked = _understood(query)
            granted = {"status": {"status": "granted"}, "time_stamp_token": self._token(asked, clock_now())}
            der: bytes = Answer(granted).dump()
        except Refusal as refusal:
            status = {"status": "rejection", "status_string": [refusal.text], "fail_info": {refusal.failure}}
            der = Answer({"status": status}).dump()
        return der

    def _token(self, asked: Any, now: datetime) -> Any:
        info = tsp.TSTInfo(
            {
                "version": 1,
                "policy": POLICY,
                "message_imprint": asked["message_imprint"],
                "serial_number": self._serials.take(),
                # Whole seconds: readers that know no fractions take them too.
                "gen_time": now.replace(microsecond=0),
                "accuracy": {"seconds": 1},
            }
            | ({"nonce": asked["nonce"].native} if asked["nonce"].native is not None else {})
        )
        content = info.dump()
        certificate = asn1_x509.Certificate.load(self._leaf_der)
        signing_certificate = tsp.SigningCertificateV2(
            {"certs": [{"cert_hash": hashlib.sha256(self._leaf_der).digest()}]}
        )
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(now.replace(microsecond=0))})]},
                {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
                {"type": "signing_certificate_v2", "values": [signing_certificate]},
            ]
        )
        signer = {
            "version": "v1",
            "sid": {
                "issuer_and_serial_number": {
                    "issuer": certificate.issuer,
                    "serial_number": certificate.serial_number,
                }
            },
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            # Signed as a SET (RFC 5652, 5.4), stored as [0].
            "signature": self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
        }
        signed = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "signer_infos": [signer],
        } | ({"certificates": [certificate]} if asked["cert_req"].native else {})
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})


def _understood(query: bytes) -> Any:
    try:
        asked = tsp.TimeStampReq.load(query, strict=True)
        native = asked.native
        imprint = native["message_imprint"]
        algorithm, digest = imprint["hash_algorithm"]["algorithm"], imprint["hashed_message"]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refusal("bad_data_format", "This is not a timestamp request (RFC 3161, 2.4.1).") from None
    if native["version"] != "v1":
        raise Refusal("bad_request", "Only version 1 of the request is known.")
    if algorithm not in DIGEST_BYTES:
        raise Refusal("bad_alg", "Ask with SHA-256, SHA-384 or SHA-512.")
    if len(digest) != DIGEST_BYTES[algorithm]:
        raise Refusal("bad_data_format", "The digest is not as long as its algorithm makes it.")
    if native["req_policy"] not in {None, POLICY}:
        raise Refusal("unaccepted_policy", f"Only policy {POLICY} is offered.")
    if native["extensions"]:
        raise Refusal("unaccepted_extensions", "No extension is supported.")
    return asked


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "recours-tsa"
    sys_version = ""
    timeout = 30
    # Headers and body leave in one packet.
    wbufsize = 16 * 1024
    disable_nagle_algorithm = True
    authority: Authority

    def do_GET(self) -> None:
        match self.path:
            case "/chain.pem":
                self._reply(200, "application/x-pem-file", self.authority.chain_pem)
            case "/healthz":
                self._reply(200, "text/plain", b"ok\n")
            case _:
                self._reply(404, "text/plain", b"POST / for a timestamp, GET /chain.pem for the certificates.\n")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return self._refuse(411, "Say the length of the request.")
        if int(length) > MAX_QUERY_BYTES:
            return self._refuse(413, "A timestamp request is shorter than this.")
        query = self.rfile.read(int(length))
        if self.path != "/":
            return self._refuse(404, "POST / for a timestamp.")
        if self.headers.get_content_type() != "application/timestamp-query":
            return self._refuse(415, "Send application/timestamp-query.")
        return self._reply(200, "application/timestamp-reply", self.authority.answer(query))

    def _refuse(self, status: int, text: str) -> None:
        self.close_connection = True
        self._reply(status, "text/plain", f"{text}\n".encode())

    def _reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing per request: what is stamped when is nobody's business."""


class Server(ThreadingHTTPServer):
    """The authority's HTTP server."""

    daemon_threads = True
    request_queue_size = 128


def serve(host: str, port: int, state_dir: Path) -> None:
    """Serve until SIGTERM or SIGINT. Prints ``ready http://HOST:PORT`` when it answers (port 0: any free one)."""
    authority = Authority(state_dir)
    handler = type("Handler", (_Handler,), {"authority": authority})
    try:
        with Server((host, port), handler) as server:
            for sign in (signal.SIGTERM, signal.SIGINT):
                # shutdown() waits for the loop that this signal interrupts: it needs another thread.
                signal.signal(sign, lambda *_: threading.Thread(target=server.shutdown).start())
            print(f"ready http://{host}:{server.server_address[1]}", flush=True)
            server.serve_forever(poll_interval=0.1)
    finally:
        authority.close()


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Local RFC 3161 timestamp authority (not qualified).")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    given = parser.parse_args(arguments)
    serve(given.host, given.port, given.state_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
