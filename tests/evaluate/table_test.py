"""Every row and its faults are in the report, no measure stands alone, and no number stands for none."""

from __future__ import annotations

import json

import numpy as np

from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.measured import Curve, FilmResult, Measured, Row, not_measured
from longtake.evaluate.score import Scale
from longtake.evaluate.table import GUARDS, Header, markdown, number, report_json, summary

SCALES = {
    "scene_accuracy": Scale(better="high", truth=0.95, bad=0.0, limit=0.8),
    "identity_far": Scale(better="low", truth=0.02, bad=0.25, limit=0.05),
    "motion": Scale(better="same", truth=0.0, bad=-4.0, limit=0.5),
    "tau": Scale(better="high", truth=1.0, bad=1.0, limit=float("nan"), blind="two scenes only"),
}
HEADER = Header(
    facts={"version": "0.1.0", "seeds": [1, 2], "sha256": {"probe": "ab12"}},
    unreliable=("the probe is unsure of places",),
    not_computed={"FVD (I3D)": "no weights"},
)


def row(name: str, kind: str, films: int = 3, **values: float) -> Row:
    """Films that differ a little; measures of the whole set are handed to `Row` itself."""
    return Row(
        name,
        kind,
        tuple(
            FilmResult(
                f"film {i}",
                {
                    key: Measured(value * (1 + 0.01 * i), np.full(4, value) * [0.98, 1.0, 1.0, 1.02])
                    if not np.isnan(value)
                    else not_measured("no pairs so far apart")
                    for key, value in values.items()
                },
                {"saturation": Curve(np.array([8.0, 24.0]), np.array([0.5, np.nan]))},
            )
            for i in range(films)
        ),
        {"diversity": Measured(0.2) if films > 1 else not_measured("one film differs from no other")},
    )


TRUTH = row("ground truth", "reference", scene_accuracy=0.95, identity_far=0.02, motion=0.0, tau=1.0)
OURS = row("ours", "system", scene_accuracy=0.9, identity_far=0.2, motion=0.1, tau=0.9)
FROZEN = row("frozen per scene", "control", scene_accuracy=0.9, identity_far=0.0, motion=-4.0, tau=0.0)
SHORT = row("short | odd", "system", films=1, scene_accuracy=0.5, identity_far=float("nan"), motion=0.0)
ROWS = [FROZEN, OURS, SHORT, TRUTH]


def table_of(text: str, group: str) -> dict[str, dict[str, str]]:
    """The cells of a group's table, by row and column."""
    lines = text.split(f"\n## {group}\n")[1].split("\n## ")[0].replace(r"\|", "/").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return {line[0]: dict(zip(cells[0][1:], line[1:], strict=True)) for line in cells[2:]}


def test_every_row_is_in_every_table_beside_motion_diversity_and_prompt() -> None:
    text = markdown(ROWS, SCALES, HEADER)
    for group in ("prompt", "identity", "order", "motion", "diversity"):
        table = table_of(text, group)
        assert list(table) == ["ground truth", "ours", "short / odd", "frozen per scene"]  # controls last
        for cells in table.values():
            assert {CATALOGUE[name].label for name in GUARDS} <= set(cells)


def test_what_is_beyond_its_limit_is_bold_and_only_that() -> None:
    text = markdown(ROWS, SCALES, HEADER)
    identity, order = table_of(text, "identity"), table_of(text, "order")
    assert identity["ours"]["identity"].startswith("**0.20")
    assert identity["frozen per scene"]["identity"] == "0.000"  # perfectly consistent ...
    assert identity["frozen per scene"]["motion"].startswith("**-4.0")  # ... because nothing moves
    assert identity["short / odd"]["scenes right"].startswith("**0.500")
    for cell in (*identity["ground truth"].values(), *(cells["story order"] for cells in order.values())):
        assert "**" not in cell  # a blind measure condemns nobody


def test_systems_have_intervals_and_controls_have_none() -> None:
    identity = table_of(markdown(ROWS, SCALES, HEADER), "identity")
    assert identity["ours"]["scenes right"] == "0.909 [0.900, 0.918]"
    assert identity["short / odd"]["scenes right"].startswith("**0.500 [0.4")  # over its scenes
    assert "[" not in "".join(identity["frozen per scene"].values())


def test_a_missing_value_shows_its_reason_and_no_number() -> None:
    text = markdown(ROWS, SCALES, HEADER)
    identity = table_of(text, "identity")
    assert identity["short / odd"]["identity"] == "– (1)"
    assert identity["short / odd"]["diversity"] == "– (2)"
    assert "(1) no pairs so far apart" in text
    assert "(2) one film differs from no other" in text
    assert "nan" not in text
    assert "- FVD (I3D): not computed: no weights" in text
    assert "- flicker: not computed: no row has it" in text


def test_a_film_without_a_value_is_counted_in_the_cell() -> None:
    films = (*OURS.films[:2], FilmResult("film 3", {"scene_accuracy": not_measured("nothing asked")}))
    cell = table_of(markdown([Row("ours", "system", films)], {}, HEADER), "prompt")["ours"]["scenes right"]
    assert "(2 of 3 films)" in cell


def test_the_report_says_whether_to_believe_it_and_what_was_run() -> None:
    text = markdown(ROWS, SCALES, HEADER)
    assert text.startswith("**UNRELIABLE**:\n- the probe is unsure of places\n")
    assert "- sha256: probe ab12" in text
    assert markdown(ROWS, SCALES, Header(facts={})).startswith("**RELIABLE**")


def test_legend_ranking_and_slipped_controls() -> None:
    text = markdown(ROWS, SCALES, HEADER)
    assert (
        "| identity | `identity_far` | hue circle, 500 frames apart or more | low | at most 0.050 |" in text
    )
    assert "none: two scenes only" in text
    ranking = table_of(text, "ranking")
    assert ranking["1"]["of"] == "short / odd"
    assert ranking["2"]["worst measure"] == "identity"
    assert "## ranking" not in markdown([TRUTH, SHORT, FROZEN], SCALES, HEADER)
    assert "should fail" not in text
    moving = row("frozen per scene", "control", scene_accuracy=0.9, motion=0.0)
    assert "- frozen per scene: motion" in markdown([TRUTH, moving], SCALES, HEADER)


def test_the_json_has_no_nan_and_says_why() -> None:
    report = json.loads(json.dumps(report_json(ROWS, HEADER, SCALES), allow_nan=False))
    assert (report["stamp"], report["facts"]["seeds"]) == ("UNRELIABLE", [1, 2])
    rows = {row["name"]: row for row in report["rows"]}
    assert list(rows) == [row.name for row in ROWS]
    ours, short = rows["ours"]["measures"], rows["short | odd"]["measures"]
    assert (ours["identity_far"]["verdict"], ours["identity_far"]["over"]) == ("fails", "films")
    assert ours["scene_accuracy"]["score"] > 0.9
    assert short["identity_far"]["value"] is None
    assert short["identity_far"]["note"] == "no pairs so far apart"
    assert rows["ours"]["films"][0]["curves"]["saturation"] == {"at": [8.0, 24.0], "values": [0.5, None]}
    assert report["scales"]["tau"]["limit"] is None


def test_the_order_of_films_changes_no_number_of_the_report() -> None:
    turned = Row(OURS.name, OURS.kind, OURS.films[::-1], OURS.together)
    assert markdown([turned], SCALES, HEADER) == markdown([OURS], SCALES, HEADER)


def test_a_summary_names_faults_and_the_worst_scenes_with_their_prompts() -> None:
    units = np.array([0.79, 0.75, 0.125, 0.7])
    film = FilmResult("valley", {"scene_accuracy": Measured(0.591, units), "identity_far": Measured(0.2),
                                 "tau": Measured(0.5), "flicker": not_measured("too short")})  # fmt: skip
    prompts = [f"a fox jumps in the meadow, take {i}" for i in range(1, 5)]
    text = summary(Row("ours", "system", (film,)), SCALES, {"valley": prompts})
    lines = text.splitlines()
    assert lines[0] == "ours: 2 of 2 measures beyond the limit."
    assert lines[1].startswith("Worst first: identity 0.200 (at most 0.050), scenes right 0.591")
    assert "No verdict at this length: story order." in lines
    assert "motion" in lines[2]
    assert lines[4] == 'Scene 3 of valley is right in 12 % of its frames: "a fox jumps in the meadow, take 3"'
    assert len(lines) == 7
    assert "Scene" not in summary(Row("ours", "system", (film,)), SCALES, {"valley": prompts[:2]})


def test_a_summary_of_nothing_judged_says_so() -> None:
    assert summary(OURS, {}).startswith("ours: no measure could be judged.")


def test_numbers_are_as_short_as_their_size_allows() -> None:
    assert [number(x) for x in (0.0234, -0.0001, 4.284, 22.86, 1688.4)] == [
        "0.023", "0.000", "4.28", "22.9", "1688"]  # fmt: skip
