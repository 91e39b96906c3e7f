"""A payment provider on loopback that keeps what it was asked, and answers one request with its own idempotency key."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import stripe


class Provider:
    """``asked``: path, fields and idempotency key of every request; ``fails``: (status, error) for the next ones."""

    def __init__(self):
        self.asked: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.fails: list[Any] = []
        self.page = "https://pay.example/c/"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                fields = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                key = self.headers["idempotency-key"]
                outer.asked.append((self.path, {name: values[0] for name, values in fields.items()}, key))
                if outer.fails:
                    status, body = outer.fails.pop(0)
                else:
                    made = {"id": f"obj_{len(outer.asked)}", "object": "x", "url": f"{outer.page}{len(outer.asked)}"}
                    status, body = 200, outer.answers.setdefault(key, made)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def signed(event, secret, *, at=None):
    """A webhook's bytes and its Stripe-Signature header (scheme v1: HMAC-SHA-256 of time and body)."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    stamp = int(at or time.time())
    mark = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return body, f"t={stamp},v1={mark}"


def completed(payment, *, cents=8000, currency="eur", reference="pi_1", status="paid", kind="completed"):
    return {
        "id": "evt_1",
        "object": "event",
        "type": f"checkout.session.{kind}",
        "data": {
            "object": {
                "object": "checkout.session",
                "client_reference_id": payment,
                "amount_total": cents,
                "currency": currency,
                "payment_intent": reference,
                "payment_status": status,
            }
        },
    }
