"""A value that changes: the newest of its source wins, in whatever order it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.latest import Latest


@given(st.lists(st.integers(1, 50), min_size=1), st.randoms())
def test_any_order_with_duplicates_ends_with_the_newest(sequences, random):
    shuffled = [*sequences, *sequences]
    random.shuffle(shuffled)
    latest = Latest[str]()
    for sequence in shuffled:
        latest = latest.offer(sequence, f"value {sequence}")
    assert (latest.sequence, latest.value) == (max(sequences), f"value {max(sequences)}")


def test_an_equal_sequence_is_the_same_fact_and_the_first_stays():
    assert Latest[str]().offer(3, "first").offer(3, "second").value == "first"
    assert Latest[str]().value is None
