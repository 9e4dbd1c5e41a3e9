"""Names say which film captions belong to, their kind and their language."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtake.ingest.sidecars import chosen, sidecars

FILMS = [Path("a/toy.mp4"), Path("a/toy_frog.webm"), Path("b/toy.mp4"), Path("a/Big Film.mkv")]


@pytest.mark.parametrize(
    ("name", "film", "kind", "language"),
    [
        ("a/toy.vtt", "a/toy.mp4", "subtitles", ""),
        ("a/toy.en.vtt", "a/toy.mp4", "subtitles", "en"),
        ("a/toy.pt-br.srt", "a/toy.mp4", "subtitles", "pt-br"),
        ("a/toy_frog.vtt", "a/toy_frog.webm", "subtitles", ""),
        ("a/toy_frog_descriptions.en.vtt", "a/toy_frog.webm", "descriptions", "en"),
        ("a/toy.descriptions.vtt", "a/toy.mp4", "descriptions", ""),
        ("a/toy-captions.de.srt", "a/toy.mp4", "subtitles", "de"),
        ("a/toy_chapters.en.vtt", "a/toy.mp4", "chapters", "en"),
        ("a/toy.json", "a/toy.mp4", "json", ""),
        ("a/Big Film.EN.VTT", "a/Big Film.mkv", "subtitles", "en"),
        ("b/toy.ass", "b/toy.mp4", "subtitles", ""),
    ],
)
def test_a_name_tells_all(name: str, film: str, kind: str, language: str) -> None:
    found = sidecars([Path(name)], FILMS)[Path(name)]
    assert found is not None
    assert (found.film, found.kind, found.language) == (Path(film), kind, language)


@pytest.mark.parametrize(
    "name", ["a/toys.vtt", "a/toy_pig.vtt", "a/toy.info.json", "a/other.vtt", "b/toy_frog.vtt", "toy.vtt"]
)
def test_another_name_is_nobodys(name: str) -> None:
    assert sidecars([Path(name)], FILMS) == {Path(name): None}


def test_what_is_no_file_of_captions_is_not_asked() -> None:
    assert sidecars([Path("a/toy.txt"), Path("a/toy.mp4")], FILMS) == {}


def test_the_best_comes_first() -> None:
    names = ["toy.de.vtt", "toy.fr.vtt", "toy.vtt", "toy.en.srt", "toy.descriptions.vtt", "toy.json"]
    found = [one for one in sidecars([Path("a") / n for n in names], FILMS).values() if one]
    ranked = chosen(found, ("descriptions", "subtitles"), "en")
    assert list(ranked) == ["descriptions", "subtitles"]
    assert [one.path.name for one in ranked["subtitles"]] == [
        "toy.en.srt",
        "toy.vtt",
        "toy.de.vtt",
        "toy.fr.vtt",
    ]
    assert [one.path.name for one in ranked["descriptions"]] == ["toy.descriptions.vtt"]
