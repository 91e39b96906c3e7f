"""Which engines a directory runs on, what services are told by them, and that only what was chosen is installed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from deploy.embedded import engine_sets
from deploy.embedded.engine_sets import EMBEDDED, REAL, keep, kept, named, site_of
from deploy.embedded.site import SERVICES, Site
from deploy.engines import building, fetching
from deploy.engines.table import BUILT, KAFKA, MINIO, jars, program
from shared.errors import NotFound, Refused

ADDRESSES = {
    "bus",
    "objects",
    "store",
    "keyring",
    "tsa",
    "smtp_port",
    "payment_api",
    "payment_page",
    "origin",
    "listen_port",
}
CREDENTIALS = {"objects_access", "objects_secret", "payment_key"}
MAY_DIFFER = {*ADDRESSES, *CREDENTIALS, "bus_idempotence"}


def site(tmp_path, engines):
    names = [*engines.makers, *(one for service in SERVICES for one in engines.replicas_of(service))]
    return Site(tmp_path / engines.name, {name: 20000 + number for number, name in enumerate(names)}, engines)


@pytest.mark.parametrize("service", [*SERVICES, "operator"])
def test_services_are_told_other_addresses_and_credentials_and_nothing_else(tmp_path, service):
    told = [site(tmp_path, one).settings_of(service) for one in (EMBEDDED, REAL)]
    assert told[0].keys() == told[1].keys()
    other = {name.removeprefix("RECOURS_").lower() for name in told[0] if told[0][name] != told[1][name]}
    assert other - {"tsa_chain"} <= MAY_DIFFER


def test_each_service_has_keys_of_its_own_where_the_object_server_tells_users_apart(tmp_path):
    real, embedded = site(tmp_path, REAL), site(tmp_path, EMBEDDED)
    keys = {real.object_keys(who) for who in (*SERVICES, "operator", "root")}
    assert len(keys) == len({secret for _, secret in keys}) == len(SERVICES) + 2
    assert {real.object_keys(who) for who in (*SERVICES, "operator", "root")} == keys
    assert len({embedded.object_keys(who) for who in (*SERVICES, "root")}) == 1


def test_replicas_differ_in_their_name_and_their_port_alone(tmp_path):
    real = site(tmp_path, REAL)
    assert REAL.replicas_of("legal") == ("legal", "legal-2")
    assert REAL.replicas_of("billing") == ("billing",)
    first, second = (real.settings_of("legal", process) for process in REAL.replicas_of("legal"))
    assert {name for name in first if first[name] != second[name]} == {"RECOURS_REPLICA", "RECOURS_LISTEN_PORT"}
    assert (first["RECOURS_REPLICA"], second["RECOURS_REPLICA"]) == ("1", "2")


def test_a_directory_belongs_to_the_engines_it_was_started_with(tmp_path):
    assert kept(tmp_path) is None
    keep(tmp_path, REAL)
    keep(tmp_path, REAL)
    with pytest.raises(Refused, match="give --engines real, or another --data"):
        keep(tmp_path, EMBEDDED)
    assert kept(tmp_path) is REAL


def test_a_directory_from_before_there_was_a_choice_is_of_the_embedded_engines(tmp_path):
    (tmp_path / "ports.json").write_text(json.dumps({"gateway": 1}))
    assert site_of(tmp_path).engines is EMBEDDED
    with pytest.raises(Refused):
        keep(tmp_path, REAL)


def test_what_was_never_started_has_no_site(tmp_path):
    with pytest.raises(NotFound, match="No platform was ever started"):
        site_of(tmp_path)


def test_unknown_engines_are_refused_by_name():
    with pytest.raises(NotFound, match="embedded, real"):
        named("imaginary")
    assert set(engine_sets.SETS) == {"embedded", "real"}


def test_an_engine_that_is_not_installed_is_said_with_what_to_do(tmp_path):
    with pytest.raises(Refused, match="run make engines"):
        program(replace(MINIO, version="v0.0.0-none"))
    with pytest.raises(Refused, match="run make engines"):
        jars(replace(KAFKA, artefacts=(("a", "b", "0"),)))


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        ({"a.jar": b"a", "b.jar": b"b"}, None),
        ({"a.jar": b"a", "b.jar": b"altered"}, "b.jar"),
        ({"a.jar": b"a"}, "b.jar"),
        ({"a.jar": b"a", "b.jar": b"b", "c.jar": b"more"}, "c.jar"),
    ],
)
def test_only_the_files_that_were_chosen_are_installed(tmp_path, files, wrong):
    sums = tmp_path / "sums.txt"
    lines = (
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in ((("a.jar"), b"a"), ("b.jar", b"b"))
    )
    sums.write_text("".join(lines))
    directory = tmp_path / "jars"
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    engine = replace(KAFKA, sums=sums)
    if wrong is None:
        fetching.check(engine, directory)
    else:
        with pytest.raises(Refused, match=rf"^{wrong} of kafka"):
            fetching.check(engine, directory)


def test_the_sums_name_each_jar_once_and_the_broker_itself():
    names = [line.split("  ")[1] for line in KAFKA.sums.read_text().splitlines()]
    assert len(names) == len(set(names)) > 40
    assert f"kafka_2.13-{KAFKA.version}.jar" in names


@pytest.mark.parametrize(
    ("install", "tool"), [(lambda: fetching.fetch(KAFKA), "mvn"), (lambda: building.build(BUILT[0]), "go")]
)
def test_a_tool_that_is_missing_is_named(monkeypatch, install, tool):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(Refused, match=f"there is no {tool} here"):
        install()
