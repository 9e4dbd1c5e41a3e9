"""What a tree tells a strategy of a clip, and the job that is made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from longtake.plan.job import Frame, Job, Place
from longtake.plan.spec import ClipSpec, DraftSpec, Reference, Reuse, Sampling


class ReferenceFrame(NamedTuple):
    """A frame that a clip is shown beside its own, as known as its ends."""

    time: int  # as frame of the clip's tree; may lie outside of it
    prompt: str
    frame: Frame


class Origin(NamedTuple):
    """Where a latent was first drawn: as which frame of which job, and which frame of which tree that is."""

    latent: Frame  # as an input of other jobs
    tree: int
    frame: int
    job: Callable[[], Job]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip that is wanted, from which a strategy makes a job."""

    place: Place
    frames: tuple[int, ...]  # of the tree
    prompts: tuple[str, ...]  # one per frame
    known: tuple[int, ...]  # positions in `frames`
    inputs: tuple[Frame, ...]  # the latents of these
    references: tuple[ReferenceFrame, ...]
    before: str | None  # key of the clip before, in a chain that carries no frames
    reroll: int  # how often the user asked for other noise

    @property
    def stride(self) -> int:
        """Film frames from one of its frames to the next; 1 for a single one."""
        return self.frames[1] - self.frames[0] if len(self.frames) > 1 else 1

    def job(
        self,
        sampling: Sampling,
        *,
        seed: int,  # the film's
        model: str,  # digest of all weights that draw
        known_level: float = 0.0,
        halved: int = 0,
        draft: DraftSpec | None = None,
        reuse: Reuse | None = None,
        inputs: tuple[Frame, ...] = (),  # what draft or reuse take
    ) -> Job:
        """The job that draws it with the network; the parameters are those of `ClipSpec`."""
        start = self.frames[0]
        prompts, rows = numbered([*self.prompts, *(one.prompt for one in self.references)])
        own = len(self.frames)
        spec = ClipSpec(
            times=tuple(i - start for i in self.frames),
            prompts=prompts,
            rows=rows[:own],
            known=self.known,
            references=tuple(
                Reference(one.time - start, row) for one, row in zip(self.references, rows[own:], strict=True)
            ),
            seed=self.noise_seed(seed),
            model=model,
            sampling=sampling,
            known_level=known_level,
            halved=halved,
            draft=draft,
            reuse=reuse,
        )
        taken = (*self.inputs, *(one.frame for one in self.references), *inputs)
        return Job(spec, taken, place=self.place, start=start)

    def noise_seed(self, seed: int) -> int:
        """Of its noise, by its place and the film's seed: prompts, model and sampling may change under it."""
        tree = f"{self.place.tree}/" if self.place.tree else ""
        tree += f"stage {self.place.preparing}/" if self.place.preparing else ""
        return seed_of_noise(f"{tree}{seed}/{self.reroll}/{self.place.level}/{self.frames[0]}")


class Drawing(NamedTuple):
    """The job of a clip, and jobs that are done for it first.

    Each takes frames of those before it, and of what the clip may take frames of.
    """

    job: Job
    preparing: tuple[Job, ...] = ()


def seed_of_noise(place: str) -> int:
    """63 bits of noise's seed for whatever names a place."""
    return int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") >> 1


def numbered(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Each text once, in order, and for every text which of them it is."""
    distinct = tuple(dict.fromkeys(texts))
    return distinct, tuple(distinct.index(text) for text in texts)
