"""Where the keyring keeps what, and which service may touch it: the policies are made from sealing.OPENERS.

Paths under the mount (KV version 2):
    cases/<case id>/<purpose>     {secret, recipient}: created by intake, never overwritten, destroyed by intake
    signing/<service>             {key}: the service's present private key
    public/services/<service>     {keys}: its public keys, past ones included
    public/partners/<partner id>  {partner}
    staff/<name>                  {staff}
    secrets/<service>/<name>      {value}: webhook secrets, HMAC peppers
    marks/bus                     {upto}: how far this keyring is known to be as the log says: written by intake
"""

from __future__ import annotations

from shared.trust.sealing import OPENERS, Purpose

OPERATOR = "operator"
"""Whoever registers partners and staff from the command line; opens no case."""

CASE_CREATOR = "intake"

MARKS_PATH = "marks/bus"


def case_path(case_id: str, purpose: Purpose) -> str:
    return f"cases/{case_id}/{purpose}"


def signing_path(service: str) -> str:
    return f"signing/{service}"


def public_path(service: str) -> str:
    return f"public/services/{service}"


def partner_path(partner_id: str) -> str:
    return f"public/partners/{partner_id}"


def staff_path(name: str) -> str:
    return f"staff/{name}"


def secret_path(service: str, name: str) -> str:
    return f"secrets/{service}/{name}"


def policy_name(service: str) -> str:
    """The policy's name in the keyring."""
    return f"recours-{service}"


def policy(service: str, mount: str = "recours") -> str:
    """The HCL policy of ``service``, or of the operator. What is not granted is denied. Raises KeyError on others."""
    if service == OPERATOR:
        return _hcl(mount, [*_everybody(), *_operator()])
    rules = [*_everybody(), (f"data/signing/{service}", "read"), (f"data/secrets/{service}/+", "read")]
    creates = service == CASE_CREATOR
    rules.append((f"data/{MARKS_PATH}", "create read update" if creates else "read"))
    for purpose in sorted(OPENERS[service]):
        # Without "update" nobody can put a key of their own over a case's.
        rules.append((f"data/cases/+/{purpose}", "create read" if creates else "read"))
        if creates:
            rules.append((f"metadata/cases/+/{purpose}", "read delete"))
    if creates:
        rules += [("data/staff/+", "read"), ("metadata/staff", "list"), ("metadata/staff/", "list")]
    return _hcl(mount, rules)


def _everybody() -> list[tuple[str, str]]:
    return [
        (f"{kind}/public/{whose}{end}", "read" if kind == "data" else "list")
        for whose in ("services", "partners")
        for kind, end in (("data", "/+"), ("metadata", ""), ("metadata", "/"))
    ]


def _operator() -> list[tuple[str, str]]:
    return [
        ("data/public/partners/+", "create read update"),
        ("metadata/public/partners/+", "read"),
        ("data/staff/+", "create read update"),
        ("metadata/staff", "list"),
        ("metadata/staff/", "list"),
        ("metadata/staff/+", "read delete"),
    ]


def _hcl(mount: str, rules: list[tuple[str, str]]) -> str:
    granted: dict[str, set[str]] = {}
    for path, capabilities in rules:
        granted.setdefault(path, set()).update(capabilities.split())
    return "".join(
        f'path "{mount}/{path}" {{\n  capabilities = [{", ".join(f"{one!r}" for one in sorted(able))}]\n}}\n'.replace(
            "'", '"'
        )
        for path, able in granted.items()
    )
