"""An edit draws what it touches, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import planned
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.plan import Chain, ClipSpec, EncodeSpec, Job, Plan, PlannedScene, Strategy, Timeline
from longtake.plan.edit import Edited, insert, move_cut, pin, remove, reroll, set_prompt

ALL = slice(None)
CAST = ("a fox", "an owl", "a frog at the sea", "a fox and an owl")
PICTURE = Job(EncodeSpec(pixels="abc", encoder="e"))
OTHER = Job(EncodeSpec(pixels="def", encoder="e"))

Clips = dict[str, list[object]]  # key -> a token per frame, the same one where a latent was handed on


class Own(Strategy):
    """A chain of keyframes, and two levels below it."""

    chain = Chain(4, 1)

    def strides(self, length: int) -> list[int]:
        return [9, 3, 1]


def film(length: int, scene_frames: int = 0, clip_length: int = 16, strategy: str = "nuwa-xl") -> Plan:
    """A film whose scenes last `scene_frames` frames."""
    starts = range(0, length, scene_frames or length)
    scenes = tuple(PlannedScene(f"s{k}", start, CAST[k % len(CAST)]) for k, start in enumerate(starts))
    line = Timeline(scenes, length)
    if strategy == "lvdm":
        return planned.lvdm(line, clip_length, carried=2)
    if strategy == "vidrd":
        return planned.vidrd(line, clip_length, guided=2)
    if strategy == "videogen":
        return planned.videogen(line, clip_length, stride=2)
    if strategy == "own":
        return planned.plan(Own, line, clip_length)
    lexicon = {name: [name] for name in ("fox", "owl", "frog", "sea")}
    return planned.nuwa_xl(line, clip_length, references=2, model={"lexicon": lexicon})


def draw(plan: Plan, clips: Clips) -> list[Job]:
    """Draws what is missing, every job once and after what it takes; the jobs that were drawn."""
    drawn = []
    for job in plan.missing(clips, ALL):
        assert job.key not in clips, "no job comes twice"
        given = [clips[key][index] for key, index in job.inputs]
        assert {parent.key for parent in plan.parents(job)} == {key for key, _ in job.inputs}
        # Behind a clip's frames may lie what the next one reuses.
        clip: list[object] = [(job.key, k) for k in range(job.spec.frames + 64)]
        for at, latent in zip(job.spec.known if isinstance(job.spec, ClipSpec) else (), given, strict=False):
            clip[at] = latent
        clips[job.key] = clip
        drawn.append(job)
    return drawn


def latents(plan: Plan, clips: Clips) -> list[object]:
    """What each film frame shows."""
    return [clips[leaf.key][k] for leaf, indices, *_ in plan.shown(ALL) for k in indices]


def sound(plan: Plan, clips: Clips) -> None:
    """What holds of every film that is drawn."""
    shown = list(plan.shown(ALL))
    assert [one.start + k for one in shown for k in range(len(one.indices))] == list(range(plan.length))
    found = latents(plan, clips)
    assert len(found) == plan.length
    for i in range(plan.length):
        key, index = plan.frame(i)
        assert clips[key][index] == found[i], "a leaf shows the latents that were first drawn"
    assert sum(plan.frames_shown(leaf, ALL) for leaf in {one.leaf for one in shown}) == plan.length
    # What is done first for a clip, and a picture, is not asked for once the clip is there.
    if not plan.strategy.count_preparing(0, 0, False):
        assert len(list(plan.walk(clips, ALL))) == plan.jobs_total
    assert not list(plan.missing(clips, ALL))
    assert plan.count_missing(clips) == 0


def test_a_prompt_for_one_of_sixteen_scenes_costs_sixteen_to_eighteen_of_241_jobs() -> None:
    plan, clips = film(3376, 211), Clips()
    assert len(draw(plan, clips)) == 241
    before = latents(plan, clips)
    for k in range(0, 16, 3):
        edited, changed = set_prompt(plan, f"s{k}", "a rabbit")
        own = dict(clips)
        assert edited.count_missing(set(own)) == len(draw(edited, own))
        assert 16 <= len(own) - 241 <= 18
        after = latents(edited, own)
        moved = [i for i in range(3376) if after[i] != before[i]]
        assert moved == list(changed) == list(range(211 * k, 211 * (k + 1)))
        sound(edited, own)


def test_frames_outside_the_scene_are_known_on_every_level() -> None:
    plan = film(3376, 211)
    new = set_prompt(plan, "s4", "a rabbit").plan
    span = range(844, 1055)
    jobs = list(new.missing({job.key for job in plan.missing((), ALL)}, ALL))
    assert {job.level for job in jobs} == {0, 1, 2}
    for job in jobs:
        frames = [job.start + t for t in job.spec.times]
        inner = [i for i in frames if i in span and not (job.level and i in (frames[0], frames[-1]))]
        assert [frames[k] for k in job.spec.known] == [i for i in frames if i not in inner]
        rows = [job.spec.prompts[row] for row in job.spec.rows]
        assert all((row == "a rabbit") == (i in span) for i, row in zip(frames, rows, strict=True))


def test_a_new_prompt_keeps_the_noise_and_a_reroll_changes_it() -> None:
    plan = film(1024, 100)

    def seeds(edited: Plan) -> dict[tuple[int, int], int]:
        have = {job.key for job in plan.missing((), ALL)}
        return {(job.level, job.start): job.spec.seed for job in edited.missing(have, ALL)}

    first = {(job.level, job.start): job.spec.seed for job in plan.missing((), ALL)}
    prompted, rolled = set_prompt(plan, "s3", "a rabbit").plan, reroll(plan, "s3").plan
    assert all(seed == first[place] for place, seed in seeds(prompted).items())
    assert all(seed != first[place] for place, seed in seeds(rolled).items())
    again = seeds(reroll(rolled, "s3").plan)
    assert all(seed not in (first[place], seeds(rolled)[place]) for place, seed in again.items())
    after = seeds(set_prompt(rolled, "s3", "a rabbit").plan)  # the noise that was rolled stays
    assert {place: seed for place, seed in after.items() if place in seeds(rolled)} == seeds(rolled)


def test_a_cut_moves_and_only_what_lies_between_is_drawn() -> None:
    plan, clips = film(1024, 100), Clips()
    draw(plan, clips)
    before = latents(plan, clips)
    for at, changed in ((270, range(270, 300)), (333, range(300, 333))):
        edited = move_cut(plan, "s3", at)
        assert edited.changed == changed
        assert edited.plan.timeline.prompt(at - 1) == CAST[2]
        assert edited.plan.timeline.prompt(at) == CAST[3]
        own = dict(clips)
        draw(edited.plan, own)
        after = latents(edited.plan, own)
        assert [i for i in range(1024) if after[i] != before[i]] == list(changed)
        sound(edited.plan, own)


@pytest.mark.parametrize("at", [0, 1, 150, 450, 1023, 1024])
@pytest.mark.parametrize("frames", [1, 15, 16, 47, 500])
def test_a_scene_is_inserted_between_two_known_frames(at: int, frames: int) -> None:
    plan, clips = film(1024, 150), Clips()
    draw(plan, clips)
    before = latents(plan, clips)
    edited, changed = insert(plan, "new", at, frames, "a frog at the sea")
    assert (edited.length, changed) == (1024 + frames, range(at, at + frames))
    jobs = draw(edited, clips)
    after = latents(edited, clips)
    assert after[:at] + after[at + frames :] == before
    assert not {*after[at : at + frames]} & {*before}
    sound(edited, clips)
    root = jobs[0]
    ends = [plan.frame(i) for i in (at - 1, at) if 0 <= i < 1024]
    assert list(root.inputs[: len(ends)]) == ends
    assert root.level == 0
    ends_show_it = any(plan.timeline.prompt(i) == CAST[2] for i in (at - 1, at) if 0 <= i < 1024)
    assert bool(root.spec.references) != ends_show_it, "it sees where the film shows a frog"
    ids = [scene.id for scene in edited.timeline.scenes]
    assert ids.count("new") == 1
    assert (f"s{at // 150}-2" in ids) == (at % 150 != 0 and at < 1024)


def test_a_removed_scene_draws_nothing() -> None:
    plan, clips = film(1024, 100), Clips()
    draw(plan, clips)
    before = latents(plan, clips)
    edited, changed = remove(plan, "s3")
    assert not changed
    assert not draw(edited, clips)
    assert latents(edited, clips) == before[:300] + before[400:]
    assert [scene.start for scene in edited.timeline.scenes] == [0, 100, 200, *range(300, 924, 100)]
    sound(remove(remove(edited, "s0").plan, "s10").plan, clips)


def test_what_is_left_of_a_film_may_stand_on_what_was_removed() -> None:
    longer = insert(film(1), "end", 1, 3, "an owl").plan
    rest = remove(longer, "s0").plan
    assert rest.count_missing(()) == len(draw(rest, {})) == 2  # the frame before it is no longer shown
    assert rest.length == 3


def test_a_picture_is_known_to_every_clip_that_is_drawn_around_it() -> None:
    plan, clips = film(3376, 211), Clips()
    draw(plan, clips)
    before = latents(plan, clips)
    edited, changed = pin(plan, 907, PICTURE)
    jobs = draw(edited, clips)
    after = latents(edited, clips)
    assert after[907] == (PICTURE.key, 0)
    assert [i for i in range(3376) if after[i] != before[i]] == list(changed) == list(range(844, 1055))
    seeing = [job for job in jobs if any(key == PICTURE.key for key, _ in job.inputs)]
    assert [job.level for job in seeing] == [0, 1, 2]
    assert [907 - job.start in [one.time for one in job.spec.references] for job in seeing] == [
        True,
        True,
        False,
    ]
    sound(edited, clips)
    prompted = set_prompt(edited, "s4", "a rabbit").plan  # the picture stays
    draw(prompted, clips)
    assert latents(prompted, clips)[907] == (PICTURE.key, 0)


def edits(plan: Plan) -> Iterator[Callable[[st.DataObject], Edited]]:
    """What can be done to a film, by chance."""
    ids = [scene.id for scene in plan.timeline.scenes]
    frame = st.integers(0, plan.length - 1)
    name = st.sampled_from(ids)
    yield lambda data: set_prompt(plan, data.draw(name), data.draw(st.sampled_from(CAST)) + " again")
    yield lambda data: reroll(plan, data.draw(name))
    yield lambda data: insert(
        plan, f"n{len(plan.trees)}", data.draw(frame), data.draw(st.integers(1, 40)), "an owl"
    )
    yield lambda data: insert(
        plan, f"e{len(plan.trees)}", plan.length, data.draw(st.integers(1, 40)), "a fox"
    )
    yield lambda data: pin(plan, data.draw(frame), PICTURE)
    if len(ids) > 1:
        yield lambda data: remove(plan, data.draw(name))
        scene = plan.timeline.scenes[1]
        if plan.timeline.spans()[0].stop > 1:
            yield lambda data: move_cut(plan, scene.id, data.draw(st.integers(1, scene.start)))


@settings(max_examples=150)
@given(
    length=st.integers(1, 200),
    clip_length=st.sampled_from([4, 6, 16]),
    strategy=st.sampled_from(["nuwa-xl", "lvdm", "vidrd", "videogen", "own"]),
    data=st.data(),
)
def test_any_edits_in_any_order(length: int, clip_length: int, strategy: str, data: st.DataObject) -> None:
    plan, clips = film(length, data.draw(st.integers(5, 80)), clip_length, strategy), Clips()
    frame = st.integers(0, length - 1)
    pictures = data.draw(st.dictionaries(frame, st.sampled_from([PICTURE, OTHER]), max_size=4))
    plan = plan.with_pictures(pictures)
    assert plan.count_missing(()) == len(draw(plan, clips))
    assert all(latents(plan, clips)[i] == (picture.key, 0) for i, picture in pictures.items())
    for _ in range(data.draw(st.integers(1, 5))):
        before = latents(plan, clips)
        was = plan.length
        choices = list(edits(plan))
        plan, changed = data.draw(st.sampled_from(choices))(data)
        had = set(clips)
        assert plan.count_missing(had) == len(draw(plan, clips))
        after = latents(plan, clips)
        sound(plan, clips)
        if plan.length == was:
            assert all((after[i] == before[i]) or i in changed for i in range(was))
        elif plan.length > was:
            assert after[: changed.start] + after[changed.stop :] == before
        else:
            assert after == before[: changed.start] + before[changed.start + was - plan.length :]
    alone = Clips()
    draw(plan, alone)  # the edited film into an empty store
    assert latents(plan, alone) == latents(plan, clips)
    assert plan.count_missing(()) == len(alone)


@pytest.mark.parametrize(("first", "second"), [(1, 5), (7, 14), (13, 17), (13, 18)])
def test_a_clip_that_two_insertions_stand_on_is_asked_for_once(first: int, second: int) -> None:
    """The second one sees a keyframe of the first as it was before it was drawn anew."""
    plan = insert(film(17, 6, clip_length=4), "n1", first, 1, "an owl").plan
    plan = reroll(insert(plan, "n2", second, 1, "an owl").plan, "n1").plan
    keys = [job.key for job in plan.missing((), ALL)]
    assert len(keys) == len(set(keys)) == plan.count_missing(())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda plan: set_prompt(plan, "s9", "x"), "no scene 's9' in the film: it has 's0', 's1'"),
        (lambda plan: move_cut(plan, "s0", 5), "is the first"),
        (lambda plan: move_cut(plan, "s1", 100), "give 1 to 99"),
        (lambda plan: insert(plan, "n", 101, 5, "x"), "give 0 to 100"),
        (lambda plan: insert(plan, "n", 10, 0, "x"), "at least one frame"),
        (lambda plan: insert(plan, "s1", 10, 5, "x"), "used twice"),
        (lambda plan: remove(remove(plan, "s0").plan, "s1"), "is the only one"),
    ],
)
def test_mistakes_have_a_remedy(edit: Callable[[Plan], Edited], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        edit(film(100, 50))
