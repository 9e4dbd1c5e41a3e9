"""Which frames training takes from films that end, as all real ones do."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from longtake.data.clips import MIX, Clip, Draws, WorldDraws
from longtake.data.footage import CartoonWorld, Footage

_GAP = 15.0  # frames: a gap's spacing in a film that needs three levels
_KEYFRAMES = 60.0  # frames: the least spacing of keyframes, where the film is long enough
_LEAST = 16  # frames that the shortest film weighs: a picture is drawn as often as a clip's worth of film
_LOOKS = 64  # frames looked at in search of references


@dataclass(frozen=True)
class FilmDraws:
    """Draws from films of any length, the more often the longer they are."""

    footage: Footage
    films: Sequence[int]
    _weights: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.films:
            raise ValueError(f"{self.footage.name} has no films to draw from: give it some more")
        weights = accumulate(max(_LEAST, self.footage.length(film)) for film in self.films)
        object.__setattr__(self, "_weights", list(weights))

    def clip(self, chance: random.Random, length: int = 16, mix: tuple[float, ...] = MIX) -> Clip:
        """Spacings go from 1 to the whole film in `length` frames, wherever in the film there is room.

        Keyframes are 60 frames apart or more (half of them as far as the film is long); where a film is too
        short for a spacing, it has the widest that it has room for. Half frames are neighbours here: real
        films have nothing between their frames. A quarter of the clips has uneven spacings. A film of fewer
        than `length` frames is a clip as a whole.
        """
        film = self._film(chance)
        frames = self.footage.length(film)
        count = min(length, frames)
        widest = (frames - 1) / max(1, count - 1)
        stride = _stride(chance.choices(range(len(mix)), mix)[0], widest, chance)
        steps = [stride] * (count - 1)
        if stride > 1 and chance.random() < 0.25:
            steps = [stride * chance.uniform(0.4, 1.6) for _ in steps]
        numbers = _spread(steps, frames)
        first = chance.randint(0, frames - 1 - numbers[-1])
        return Clip(footage=self.footage, film=film, numbers=tuple(float(first + n) for n in numbers))

    def references(self, clip: Clip, chance: random.Random, count: int) -> tuple[float, ...]:
        """Frames under a caption that a frame of the clip has too."""
        first, last = int(clip.numbers[0]), int(clip.numbers[-1])
        wanted = set(clip.captions) - {""}
        around = self.footage.length(clip.film) - (last - first + 1)  # frames outside of the clip
        if not wanted or around < count:
            return ()
        places = sorted(chance.sample(range(around), min(around, _LOOKS)))
        numbers = [place if place < first else place + last - first + 1 for place in places]
        said = self.footage.captions(clip.film, numbers)
        akin = [float(number) for number, caption in zip(numbers, said, strict=True) if caption in wanted]
        return tuple(chance.sample(akin, count)) if len(akin) >= count else ()

    def still(self, chance: random.Random) -> Clip:
        """As for all draws."""
        film = self._film(chance)
        number = chance.randrange(self.footage.length(film))
        return Clip(footage=self.footage, film=film, numbers=(float(number),))

    def _film(self, chance: random.Random) -> int:
        return chance.choices(self.films, cum_weights=self._weights)[0]


def draws_of(footage: Footage, films: Sequence[int]) -> Draws:
    """How clips and stills are drawn from these films of the footage."""
    return WorldDraws(films, footage) if isinstance(footage, CartoonWorld) else FilmDraws(footage, films)


def looked_at(footage: Footage, most: int) -> Sequence[int]:
    """The films that show how training goes: the first of validation, of train where none is held out."""
    return (footage.films("validation") or footage.films("train"))[:most]


def _stride(kind: int, widest: float, chance: random.Random) -> float:
    """The spacing of a clip of this kind (a place in the mix) in a film with room for `widest`."""
    if kind == 1:
        stride = _GAP * (chance.uniform(0.66, 1.2) if chance.random() < 0.5 else 1.0)
    elif kind == 2:
        stride = widest if chance.random() < 0.5 else _between(_KEYFRAMES, widest, chance)
    elif kind == 5:
        stride = _between(1.0, widest, chance)
    else:
        stride = 3.0 if kind == 3 else 1.0
    return max(1.0, min(stride, widest))


def _between(low: float, high: float, chance: random.Random) -> float:
    """Any spacing, by its logarithm."""
    return low * math.exp(chance.random() * math.log(max(low, high) / low))


def _spread(steps: list[float], frames: int) -> list[int]:
    """Whole numbers from 0, each above the one before, as far apart as `steps` where the film is so long."""
    span = sum(steps)
    squeeze = min(1.0, (frames - 1) / span) if span else 1.0
    numbers = [math.floor(at * squeeze + 0.5) for at in accumulate(steps, initial=0.0)]
    for place in range(1, len(numbers)):
        numbers[place] = max(numbers[place], numbers[place - 1] + 1)
    return [min(number, frames - len(numbers) + place) for place, number in enumerate(numbers)]
