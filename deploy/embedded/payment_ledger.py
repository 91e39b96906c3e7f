"""What the local payment page remembers: sessions, charges, refunds, idempotent answers and webhooks still to send.

SQLite with full sync: what was answered survives kill -9. Objects have Stripe's shapes; amounts are cents, EUR.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared import clock

Object = dict[str, Any]
API_VERSION = "2026-10-28.endive"
SESSION_SECONDS = 24 * 3600
_TABLES = """
CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS webhooks (
  id TEXT PRIMARY KEY, payload TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL
) STRICT;
"""


class Mistake(Exception):
    """A request that is refused as Stripe refuses it: HTTP status and the ``error`` object."""

    def __init__(self, status: int, kind: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


class Ledger:
    """The payment page's memory. Every public method is one transaction and may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(directory / "payments.sqlite3", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES)

    def close(self) -> None:
        self._db.close()

    def create_session(self, form: Object, page_origin: str, key: str | None) -> Object:
        """A checkout session from Stripe's form fields; the same ``key`` gives the same session."""
        with self._transaction():
            return self._once(key, "session", form, lambda: self._new_session(form, page_origin))

    def session(self, session_id: str) -> Object:
        """A session as it is now. Raises Mistake 404."""
        with self._transaction():
            return self._session(session_id)

    def pay(self, session_id: str) -> Object:
        """The person paid: the session is complete, a charge exists, its webhook is due. Twice is once."""
        with self._transaction():
            session = self._session(session_id)
            if session["status"] != "open":
                return session
            intent = f"pi_{secrets.token_hex(12)}"
            metadata = session.pop("_intent_metadata", {})
            charge = {
                "id": f"ch_{secrets.token_hex(12)}",
                "object": "charge",
                "amount": session["amount_total"],
                "amount_captured": session["amount_total"],
                "amount_refunded": 0,
                "captured": True,
                "created": _seconds(),
                "currency": "eur",
                "livemode": False,
                "metadata": metadata,
                "paid": True,
                "payment_intent": intent,
                "refunded": False,
                "status": "succeeded",
            }
            session |= {"status": "complete", "payment_status": "paid", "payment_intent": intent, "url": None}
            self._put(intent, {"id": intent, "charge": charge["id"], "session": session_id})
            self._put(charge["id"], charge)
            self._put(session_id, session)
            self._announce("checkout.session.completed", session)
            return session

    def expire(self, session_id: str) -> Object:
        """Closes an unpaid session for good, as its age does. Raises Mistake when it is no longer open."""
        with self._transaction():
            session = self._session(session_id)
            if session["status"] != "open":
                raise Mistake(400, "invalid_request_error", "Only an open session can expire.")
            return self._expired(session)

    def refund(self, form: Object, key: str | None) -> Object:
        """Gives back all that is left of a payment, or ``amount`` cents of it."""
        with self._transaction():
            return self._once(key, "refund", form, lambda: self._new_refund(form))

    def refunded(self, refund_id: str) -> Object:
        """A refund. Raises Mistake 404."""
        with self._transaction():
            return self._get(refund_id, "re_", "refund")

    def due(self, at: float) -> list[tuple[str, str, int]]:
        """Webhooks to send now: id, payload, attempts so far; oldest first."""
        with self._transaction():
            rows = self._db.execute("SELECT id, payload, attempts FROM webhooks WHERE due <= ? ORDER BY rowid", (at,))
            return rows.fetchall()

    def next_due(self) -> float | None:
        """When the next webhook is due, in seconds since 1970; None: there is none."""
        with self._transaction():
            found: float | None = self._db.execute("SELECT min(due) FROM webhooks").fetchone()[0]
            return found

    def delivered(self, event_id: str) -> None:
        """A webhook was accepted: forget it."""
        with self._transaction():
            self._db.execute("DELETE FROM webhooks WHERE id = ?", (event_id,))

    def postpone(self, event_id: str, until: float) -> None:
        """A webhook was not accepted: try again at ``until``."""
        with self._transaction():
            self._db.execute("UPDATE webhooks SET attempts = attempts + 1, due = ? WHERE id = ?", (until, event_id))

    def _new_session(self, form: Object, page_origin: str) -> Object:
        if form.get("mode") != "payment":
            raise Mistake(400, "invalid_request_error", "Only mode=payment is offered.", param="mode")
        total = sum(_amount(item) for item in _items(form))
        if total <= 0:
            raise Mistake(400, "invalid_request_error", "Add line_items with an amount.", param="line_items")
        for name in ("success_url", "cancel_url"):
            if not str(form.get(name, "")).startswith(("http://", "https://")):
                raise Mistake(400, "invalid_request_error", f"Not a valid URL: {name}.", param=name)
        session_id = f"cs_test_{secrets.token_hex(24)}"
        intent_data = form.get("payment_intent_data", {})
        session = {
            "id": session_id,
            "object": "checkout.session",
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": form["cancel_url"],
            "client_reference_id": form.get("client_reference_id"),
            "created": _seconds(),
            "currency": "eur",
            "expires_at": _seconds() + SESSION_SECONDS,
            "livemode": False,
            "metadata": form.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "status": "open",
            "success_url": form["success_url"],
            "url": f"{page_origin}/pay/{session_id}",
            "_intent_metadata": intent_data.get("metadata", {}),
            "_label": str(_items(form)[0]["price_data"].get("product_data", {}).get("name", "")),
        }
        self._put(session_id, session)
        return session

    def _new_refund(self, form: Object) -> Object:
        intent = form.get("payment_intent")
        charge_id = self._get(str(intent), "pi_", "payment_intent")["charge"] if intent else str(form.get("charge"))
        charge = self._get(charge_id, "ch_", "charge")
        left = charge["amount"] - charge["amount_refunded"]
        amount = _whole(form["amount"], "amount") if "amount" in form else left
        if left == 0:
            message = "The charge has already been refunded."
            raise Mistake(400, "invalid_request_error", message, code="charge_already_refunded")
        if not 0 < amount <= left:
            message = "The refund is greater than what is left of the charge, or not positive."
            raise Mistake(400, "invalid_request_error", message, param="amount")
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        refund = {
            "id": f"re_{secrets.token_hex(12)}",
            "object": "refund",
            "amount": amount,
            "charge": charge_id,
            "created": _seconds(),
            "currency": "eur",
            "metadata": form.get("metadata", {}),
            "payment_intent": charge["payment_intent"],
            "reason": form.get("reason"),
            "status": "succeeded",
        }
        self._put(charge_id, charge)
        self._put(refund["id"], refund)
        self._announce("charge.refunded", charge)
        return refund

    def _session(self, session_id: str) -> Object:
        session = self._get(session_id, "cs_", "checkout.session")
        too_old = session["status"] == "open" and session["expires_at"] <= _seconds()
        return self._expired(session) if too_old else session

    def _expired(self, session: Object) -> Object:
        session |= {"status": "expired", "url": None}
        self._put(session["id"], session)
        self._announce("checkout.session.expired", session)
        return session

    def _announce(self, kind: str, about: Object) -> None:
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "api_version": API_VERSION,
            "created": _seconds(),
            "data": {"object": public(about)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self._db.execute("INSERT INTO webhooks VALUES (?, ?, 0, 0)", (event["id"], json.dumps(event)))

    def _once(self, key: str | None, what: str, form: Object, make: Any) -> Object:
        """``make()``, or the answer it gave before to this key; another request under a used key is a mistake."""
        if not key:
            return dict(make())
        request = json.dumps([what, form], sort_keys=True)
        known = self._db.execute("SELECT request, body FROM answers WHERE key = ?", (key,)).fetchone()
        if known is None:
            answer = dict(make())
            self._db.execute("INSERT INTO answers VALUES (?, ?, ?)", (key, request, json.dumps(answer)))
            return answer
        if known[0] != request:
            raise Mistake(400, "idempotency_error", "This Idempotency-Key was used with other parameters.")
        return dict(json.loads(known[1]))

    def _get(self, object_id: str, prefix: str, kind: str) -> Object:
        row = self._db.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
        if row is None or not object_id.startswith(prefix):
            raise Mistake(404, "invalid_request_error", f"No such {kind}.", code="resource_missing", param="id")
        return dict(json.loads(row[0]))

    def _put(self, object_id: str, body: Object) -> None:
        self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?)", (object_id, json.dumps(body)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def public(about: Object) -> Object:
    """An object as the API shows it: without the page's own notes."""
    return {name: value for name, value in about.items() if not name.startswith("_")}


def _items(form: Object) -> list[Object]:
    items = form.get("line_items", {})
    return [item for item in items.values() if isinstance(item, dict)] if isinstance(items, dict) else []


def _amount(item: Object) -> int:
    price = item.get("price_data")
    if not isinstance(price, dict) or price.get("currency") != "eur":
        raise Mistake(400, "invalid_request_error", "Give price_data with currency=eur.", param="line_items")
    return _whole(price.get("unit_amount"), "unit_amount") * _whole(item.get("quantity", "1"), "quantity")


def _whole(text: object, name: str) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Mistake(400, "invalid_request_error", f"Invalid integer: {name}.", param=name)
    return int(text)


def _seconds() -> int:
    return int(clock.now().timestamp())
