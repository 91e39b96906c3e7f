from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deploy.audit.findings import WHAT_TO_DO, Ledger
from deploy.audit.sorting import FAN_IN, Sorter
from shared.errors import BrokenContract, Unavailable
from shared.runtime import archive
from shared.runtime.messages import Arrival

RECORDS = some.builds(
    Arrival,
    topic=some.sampled_from(("case-opened", "partner.cover")),
    partition=some.integers(0, 3),
    offset=some.integers(0, 2**62),
    key=some.binary(max_size=20),
    headers=some.lists(some.tuples(some.text(max_size=10), some.binary(max_size=20)), max_size=4).map(tuple),
    body=some.binary(max_size=50),
    fact=some.none(),
    problem=some.just(""),
)


def test_rows_come_back_in_order_from_many_chunks_with_what_they_held(tmp_path):
    sorter = Sorter(tmp_path, "rows", chunk_bytes=1)
    count = FAN_IN * 3
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for number in range(count):
        sorter.add((str(number * 7 % 10), number), {"bytes": b"\0", "at": at, "number": number})
    rows = list(sorter.rows())
    assert [key for key, _ in rows] == sorted((str(number * 7 % 10), number) for number in range(count))
    assert all(value == {"bytes": b"\0", "at": at, "number": key[1]} for key, value in rows)
    assert len(list(tmp_path.iterdir())) <= FAN_IN
    assert list(sorter.rows()) == rows


def test_memory_stays_flat_however_many_rows_there_are(tmp_path):
    import tracemalloc

    sorter = Sorter(tmp_path, "rows", chunk_bytes=256 * 1024)
    tracemalloc.start()
    for number in range(20_000):
        sorter.add((number % 97, number), {"body": b"x" * 500})
    assert sum(1 for _ in sorter.rows()) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_an_empty_sorter_has_no_rows(tmp_path):
    assert list(Sorter(tmp_path, "rows").rows()) == []


@given(RECORDS)
def test_a_record_is_the_same_after_the_archive(record):
    line = archive.line_of(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert archive.record_of(line) == record


async def test_a_file_is_whole_or_not_there_and_read_back_in_order(tmp_path):
    records = [Arrival("case-opened", 0, n, b"case", (("ce_id", b"x"),), b"{}") for n in range(5)]

    async def come(upto):
        for record in records[:upto]:
            yield record
        if upto < len(records):
            raise Unavailable("The bus does not answer.")

    path = tmp_path / "log.jsonl"
    with pytest.raises(Unavailable):
        await archive.write_file(path, come(3))
    assert list(tmp_path.iterdir()) == []
    assert await archive.write_file(path, come(5)) == 5
    assert list(archive.read_file(path)) == records
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"Camille\n", b'{"topic": 1}\n', b"\n"])
def test_a_line_that_is_no_record_is_refused_by_its_number_without_quoting_it(tmp_path, line):
    good = archive.line_of(Arrival("case-opened", 0, 0, b"case", (), b""))
    path = tmp_path / "log.jsonl"
    path.write_bytes(good + line)
    with pytest.raises(BrokenContract, match="line 2") as refused:
        list(archive.read_file(path))
    assert "Camille" not in str(refused.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(Unavailable, match="cannot be read"):
        list(archive.read_file(tmp_path / "log.jsonl"))


def test_the_first_findings_of_each_kind_are_named_and_all_are_counted():
    ledger = Ledger(keep=2)
    for number in range(5):
        ledger.find("state-differs", service="notify", detail=f"in {number}")
    ledger.find("truncated", service="notify", detail="epoch 1")
    assert ledger.totals == {"state-differs": 5, "truncated": 1}
    assert [one.detail for one in ledger.findings] == ["in 0", "in 1", "epoch 1"]
    assert ledger.findings[0].what_to_do.startswith("Run `recours refold notify --all`")


def test_every_kind_says_what_to_do():
    assert all(advice.endswith(".") for advice in WHAT_TO_DO.values())
    with pytest.raises(KeyError):
        Ledger().find("odd", service="", detail="")
