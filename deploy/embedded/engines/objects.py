"""S3: ministack, which keeps objects through kill -9 but forgets empty buckets and buckets' lock settings."""

from __future__ import annotations

import asyncio

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import S3Error
from minio.objectlockconfig import ObjectLockConfig
from minio.versioningconfig import VersioningConfig

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.site import BUCKET_OF_THE_BUS, OBJECTS_ROOT, REGION, SERVICES, Site, python
from shared.settings import Settings

LOCKED = ("evidence",)
"""Services whose objects may be put under retention."""
_THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def objects(site: Site) -> Child:
    """The object server; ``arrange`` makes the buckets that are not there, with object lock where it is due."""
    home = site.directory("objects")
    environment = {
        **site.process_environment(),
        "SERVICES": "s3",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(site.ports["objects"]),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "data"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "state"),
        # Without this it opens a port on all addresses.
        "IOT_MTLS_ENABLED": "0",
    }
    return Child(
        name="objects",
        what="ministack, an S3 server",
        command=python("-m", "ministack"),
        address=site.url("objects"),
        answers=lambda: probes.http(f"{site.url('objects')}/_ministack/health"),
        environment=lambda: environment,
        arrange=lambda: asyncio.to_thread(make_buckets, site, BUCKET_OF_THE_BUS),
    )


def client(site: Site) -> Minio:
    """An S3 client of this platform that may do everything (synchronous; run it in a thread)."""
    access, secret = site.object_keys(OBJECTS_ROOT)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=30), retries=False)
    return Minio(site.address("objects"), access, secret, secure=False, region=REGION, http_client=pool)


def bucket(service: str) -> str:
    """Name of a service's bucket on a platform of this machine."""
    return f"{Settings.model_fields['bucket_prefix'].default}{service}"


def make_buckets(site: Site, *further: str) -> None:
    """Makes every service's bucket, and ``further`` ones, where they are absent; sees to their object lock again."""
    server = client(site)
    wanted = dict.fromkeys(further, False) | {bucket(service): service in LOCKED for service in SERVICES}
    for name, locked in wanted.items():
        try:
            server.make_bucket(name, object_lock=locked)
        except S3Error as error:
            if error.code not in _THERE:
                raise
        if locked:
            # What the server forgot when it was killed; without a default rule, each object gets its own retention.
            server.set_bucket_versioning(name, VersioningConfig(ENABLED))
            server.set_object_lock_config(name, ObjectLockConfig(None, None, None))
