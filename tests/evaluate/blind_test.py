"""Films under neutral names, some damaged as no control names it, are ranked right by the report alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cartoon import CARTOON
from numpy.typing import NDArray

from longtake.cli import main
from longtake.evaluate.script import Script, script_of_episode
from longtake.video import Codec, encode_segment

FRAMES = 3376
EPISODE = 20  # of the test split
# What must be found, by the damage: it fails these measures.
FOUND = {
    "hue jump": {"identity_far"},
    "looped segment": {"worst_tenth", "clock_back"},
    "coarse seams only": {"seam_coarse", "jolt_coarse"},
    "clock runs back": {"clock_back", "clock_order"},
}

Film = Callable[[Script, int, int], Callable[[int], NDArray]]  # type: ignore[type-arg]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_damage_without_a_name_is_found(tmp_path: Path, unnamed_damages: dict[str, Film]) -> None:
    script = script_of_episode(CARTOON, EPISODE, FRAMES)
    scenes = [
        {"id": f"s{k}", "at": shot.start, "prompt": shot.caption} for k, shot in enumerate(script.shots)
    ]
    board = {"title": "blind", "video": {"fps": 12, "frames": FRAMES}, "seed": 5, "scenes": scenes}
    (tmp_path / "board.yaml").write_text(yaml.safe_dump(board))

    def true_film(script: Script, seed: int, size: int) -> Callable[[int], NDArray]:  # type: ignore[type-arg]
        from longtake.world.episodes import episode_facts

        return lambda number: script.picture(number, episode_facts(seed), size)

    made: dict[str, str] = {}
    films = {"true": true_film, "true too": true_film, **unnamed_damages}
    for letter, (damage, film) in zip("qdtmxb", films.items(), strict=True):
        picture = film(script, 40 + ord(letter), 64)
        frames = (picture(number) for number in range(FRAMES))
        encode_segment(frames, tmp_path / "films" / f"{letter}.mp4", 12, Codec(upscale=1))
        made[letter] = damage
    asked = ["evaluate", tmp_path / "films", "--storyboard", tmp_path / "board.yaml", "--controls", "none"]
    assert main([str(part) for part in (*asked, "--out", tmp_path / "report")]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    ranking = [(made[film["row"]], film["failed"]) for film in report["ranking"]]
    assert {damage for damage, _ in ranking[:2]} == {"true", "true too"}, ranking
    for damage, failed in ranking:
        assert set(failed) >= FOUND[damage] if damage in FOUND else not failed, ranking
