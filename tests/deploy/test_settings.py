from __future__ import annotations

import pytest

from shared.errors import Refused
from shared.settings import Settings, describe, environment, read


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("RECOURS_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_lists_are_written_with_commas(bare):
    bare.setenv("RECOURS_BUS", "a:1, b.example:2")
    bare.setenv("RECOURS_OPERATORS", "a@example.org,b@example.org")
    assert read().bus == ("a:1", "b.example:2")
    assert read().operators == ("a@example.org", "b@example.org")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RECOURS_BUS", "kafka", "host:port"),
        ("RECOURS_BUS", "", "at least one"),
        ("RECOURS_PARTITIONS", "0", "greater than or equal to 1"),
        ("RECOURS_STORE", "postgres://u:hush@x", "mongodb://"),
        ("RECOURS_KEYRING", "https://user:hush@x", "without credentials"),
        ("RECOURS_TSA", "ftp://hush", "http"),
        ("RECOURS_OPERATORS", "nobody", "mail address"),
        ("RECOURS_LOG_LEVEL", "hush", "'debug'"),
        ("RECOURS_LISTEN_PORT", "70000", "65535"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable_and_never_quoted(bare, name, value, says):
    bare.setenv(name, value)
    with pytest.raises(Refused) as refused:
        read()
    assert str(refused.value).startswith(f"{name} is wrong")
    assert says in str(refused.value)
    assert "hush" not in str(refused.value)


def test_every_setting_has_a_meaning_and_no_secret_is_shown(bare):
    bare.setenv("RECOURS_KEYRING_TOKEN", "hush")
    bare.setenv("RECOURS_STORE", "mongodb://user:hush@db/")
    lines = {line.name: line for line in describe(read())}
    assert len(lines) == len(Settings.model_fields)
    assert all(line.meaning for line in lines.values())
    assert lines["RECOURS_KEYRING_TOKEN"].value == "(set)"
    assert lines["RECOURS_PAYMENT_KEY"].value == "(empty)"
    assert not any("hush" in line.value for line in lines.values())
    assert "hush" not in repr(read())


def test_what_environment_writes_is_what_read_reads(bare):
    given = read(bus="a:1,b:2", bus_idempotence=False, tsa=("http://t/1",), keyring_token="t", store="mongodb://x/")
    for name, value in environment(dict(given)).items():
        bare.setenv(name, value)
    assert read().model_copy(update={"tsa_chain": None}) == given


def test_names_that_depend_on_the_service_are_made_from_the_prefixes():
    settings = read(store_prefix="r_", bucket_prefix="r-")
    assert (settings.database("legal"), settings.bucket("legal")) == ("r_legal", "r-legal")
