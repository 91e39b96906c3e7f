"""Object lock and who may do what, on the object server itself."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import S3Error
from minio.retention import Retention

from deploy.embedded.engines.objects import bucket, client
from shared import clock, ids

pytestmark = [
    pytest.mark.platform,
    pytest.mark.engines("real", reason="ministack forgets locks and checks no signatures"),
]


@pytest.fixture
def of(bare):
    """An S3 client with the keys of a service, as its settings have them."""

    def made(service: str) -> Minio:
        settings = bare.settings_for(service)
        access, secret = settings["RECOURS_OBJECTS_ACCESS"], settings["RECOURS_OBJECTS_SECRET"]
        pool = urllib3.PoolManager(timeout=10, retries=False)
        return Minio(settings["RECOURS_OBJECTS"], access, secret, secure=False, region="us-east-1", http_client=pool)

    return made


@pytest.fixture
def locked(of):
    """An exhibit of an hour's retention: its name and version."""
    name, until = ids.new(), clock.now() + timedelta(hours=1)
    made = of("evidence").put_object(
        bucket("evidence"), name, io.BytesIO(b"exhibit"), 7, retention=Retention(COMPLIANCE, until)
    )
    return name, made.version_id


def refused(call, *arguments, code="AccessDenied", **named):
    with pytest.raises(S3Error) as caught:
        call(*arguments, **named)
    assert caught.value.code == code


@pytest.mark.parametrize("who", ["evidence", "root"])
def test_nobody_deletes_an_exhibit_under_retention_not_even_the_server_s_owner(bare, of, locked, who):
    name, version = locked
    server = client(bare.site) if who == "root" else of(who)
    with pytest.raises(S3Error, match=r"(?i)worm protected|locked|AccessDenied"):
        server.remove_object(bucket("evidence"), name, version_id=version)
    assert server.get_object(bucket("evidence"), name, version_id=version).read() == b"exhibit"


@pytest.mark.parametrize("who", ["evidence", "root"])
def test_nobody_shortens_a_retention(bare, of, locked, who):
    name, version = locked
    server = client(bare.site) if who == "root" else of(who)
    sooner = Retention(COMPLIANCE, clock.now() + timedelta(minutes=1))
    with pytest.raises(S3Error):
        server.set_object_retention(bucket("evidence"), name, sooner, version_id=version)
    left = server.get_object_retention(bucket("evidence"), name, version_id=version)
    assert left.mode == COMPLIANCE
    assert left.retain_until_date > clock.now() + timedelta(minutes=50)


def test_what_is_under_no_retention_can_be_erased_in_all_its_versions(of):
    server, name = of("evidence"), ids.new()
    for content in (b"one", b"two"):
        server.put_object(bucket("evidence"), name, io.BytesIO(content), 3)
    for one in list(server.list_objects(bucket("evidence"), prefix=name, include_version=True)):
        server.remove_object(bucket("evidence"), name, version_id=one.version_id)
    assert list(server.list_objects(bucket("evidence"), prefix=name, include_version=True)) == []


def test_a_service_reaches_no_bucket_but_its_own(of, locked):
    name, version = locked
    for service in ("intake", "legal", "billing", "notify"):
        server = of(service)
        refused(server.get_object, bucket("evidence"), name)
        refused(server.remove_object, bucket("evidence"), name, version_id=version)
        refused(server.put_object, bucket("evidence"), name, io.BytesIO(b"x"), 1)
        refused(lambda server=server: list(server.list_objects(bucket("evidence"))))
        server.put_object(bucket(service), name, io.BytesIO(b"x"), 1)
        server.remove_object(bucket(service), name)


def test_the_operator_reads_and_writes_nothing(of, locked):
    name, version = locked
    operator = of("operator")
    assert operator.get_object(bucket("evidence"), name).read() == b"exhibit"
    refused(operator.put_object, bucket("evidence"), name, io.BytesIO(b"x"), 1)
    refused(operator.remove_object, bucket("legal"), name, version_id=version)


def test_a_key_that_was_not_given_is_refused(bare):
    stranger = Minio(
        bare.site.address("objects"), "recours-evidence", "guessed-secret", secure=False, region="us-east-1"
    )
    refused(stranger.list_buckets, code="SignatureDoesNotMatch")
