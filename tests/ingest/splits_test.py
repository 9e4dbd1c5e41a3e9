"""Splits follow from what films are, and films that share pictures share a split."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from longtake.ingest.splits import assign_splits

SHARES = (80, 10, 10)
FILMS = [f"film-{k:08x}" for k in range(2000)]


def test_shares_are_met_by_and_large() -> None:
    counts = Counter(one.split for one in assign_splits(FILMS, {}, [], SHARES).values())
    assert 1540 < counts["train"] < 1660
    assert 150 < counts["validation"] < 250


def test_the_order_does_not_matter() -> None:
    assert assign_splits(FILMS[:50], {}, [], SHARES) == assign_splits(FILMS[:50][::-1], {}, [], SHARES)


def test_what_files_are_called_does_not_matter() -> None:
    pairs = [(3, 4), (4, 9), (20, 21)]
    found = []
    for stems in (["b"] * 40, [f"x-{k % 7}" for k in range(40)]):
        names = [f"{stem}-{k * 2654435761 % 2**32:08x}" for k, stem in enumerate(stems)]
        parted = assign_splits(names, {}, [(names[a], names[b]) for a, b in pairs], SHARES)
        found.append([parted[name].split for name in names])
    assert found[0] == found[1]
    assert len(set(found[0])) == 3


@given(pairs=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_films_that_are_akin_are_in_one_split(pairs: list[tuple[int, int]]) -> None:
    names = [(FILMS[a], FILMS[b]) for a, b in pairs]
    found = assign_splits(FILMS[:30], {}, names, SHARES)
    for one, other in names:
        assert found[one].split == found[other].split
        assert found[one].group == found[other].group
    groups = {film: parted.group for film, parted in found.items()}
    for film, group in groups.items():
        if film not in {name for pair in names for name in pair}:
            assert group == film


def test_a_new_film_goes_where_its_kin_is() -> None:
    old = {"a": ("a", "test"), "b": ("b", "train")}
    found = assign_splits(["c", "d"], old, [("c", "a"), ("d", "c")], SHARES)
    assert found["c"] == ("a", "test", "")
    assert found["d"] == ("a", "test", "")


def test_a_film_between_two_splits_is_put_aside() -> None:
    old = {"a": ("a", "test"), "b": ("b", "train")}
    found = assign_splits(["c"], old, [("c", "a"), ("c", "b")], SHARES)["c"]
    assert found.group == "c"
    assert "several splits: a, b" in found.clash


def test_three_films_fill_three_splits() -> None:
    for first in range(0, 300, 3):
        found = assign_splits(FILMS[first : first + 3], {}, [], SHARES)
        assert {one.split for one in found.values()} == {"train", "validation", "test"}
        five = assign_splits(FILMS[first : first + 5], {}, [], SHARES)
        assert {one.split for one in five.values()} == {"train", "validation", "test"}


def test_no_share_no_film() -> None:
    found = assign_splits(FILMS[:300], {}, [], (90, 10, 0))
    assert {one.split for one in found.values()} == {"train", "validation"}
