"""S3: MinIO, with a user for each service who may use that service's bucket and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import urllib3
from minio.credentials.providers import StaticProvider
from minio.minioadmin import MinioAdmin

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.engines.objects import bucket, make_buckets
from deploy.embedded.site import OBJECTS_ROOT, REGION, SERVICES, Site
from deploy.engines.table import MINIO, program
from shared.trust.keyring import OPERATOR

_READING = (
    *("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
    *("s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"),
    *("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"),
)
_WRITING = (
    # Made already; a service that asks for it again is told that it is its own.
    "s3:CreateBucket",
    *("s3:PutObject", "s3:PutObjectRetention", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
    *("s3:DeleteObject", "s3:DeleteObjectVersion"),
)
"""Of its own bucket; retention can be given and not taken away (no s3:BypassGovernanceRetention)."""


def minio(site: Site) -> Child:
    """The object server; ``arrange`` makes buckets, users and their policies."""
    access, secret = site.object_keys(OBJECTS_ROOT)
    environment = {
        **site.process_environment(),
        "MINIO_ROOT_USER": access,
        "MINIO_ROOT_PASSWORD": secret,
        "MINIO_REGION_NAME": REGION,
        # The console would open a port of its own; the server would ask for newer versions of itself.
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    return Child(
        name="objects",
        what="MinIO, an S3 server",
        command=(
            str(program(MINIO)),
            "server",
            str(site.directory("objects", "data")),
            "--address",
            site.address("objects"),
        ),
        address=site.url("objects"),
        # Its `ready` says yes before buckets and users can be asked for.
        answers=lambda: probes.http(f"{site.url('objects')}/minio/health/cluster"),
        environment=lambda: environment,
        arrange=lambda: asyncio.to_thread(_provide, site),
        drain_seconds=15,
    )


def _provide(site: Site) -> None:
    make_buckets(site)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=30), retries=False)
    admin = MinioAdmin(
        endpoint=site.address("objects"),
        credentials=StaticProvider(*site.object_keys(OBJECTS_ROOT)),
        region=REGION,
        secure=False,
        http_client=pool,
    )
    for service in SERVICES:
        _user(admin, site, service, _policy(bucket(service), (*_READING, *_WRITING)))
    _user(admin, site, OPERATOR, _policy(bucket("*"), _READING))


def _user(admin: Any, site: Site, name: str, policy: dict[str, Any]) -> None:
    access, secret = site.object_keys(name)
    admin.policy_add(access, policy=policy)
    admin.user_add(access, secret)
    admin.policy_set(access, user=access)


def _policy(name: str, actions: tuple[str, ...]) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": sorted(actions), "Resource": resources}],
    }
