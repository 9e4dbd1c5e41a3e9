"""Which frames training takes from films that end, as all real ones do."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from longtake.data.footage import CLIP_FRAMES, MIX, Excerpt, Footage

_GAP = 15.0  # frames: a gap's spacing in a film that needs three levels
_KEYFRAMES = 60.0  # frames: the least spacing of keyframes, where the film is long enough
_LEAST = 16  # frames that the shortest film weighs: a picture is drawn as often as a clip's worth of film
_LOOKS = 64  # frames looked at in search of references
_HALVES = 4  # place in the mix of clips of half frames


@dataclass(frozen=True)
class FilmDraws:
    """Draws from films of any length, the more often the longer they are."""

    footage: Footage
    films: Sequence[int]
    between: bool = False  # whether there is anything to see between two frames
    _weights: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.films:
            raise ValueError(f"{self.footage.name} has no films to draw from: give it some more")
        weights = accumulate(max(_LEAST, self.footage.length(film)) for film in self.films)
        object.__setattr__(self, "_weights", list(weights))

    def clip(self, chance: random.Random, length: int = CLIP_FRAMES, mix: tuple[float, ...] = MIX) -> Excerpt:
        """Spacings go from 1 to the whole film in `length` frames, wherever in the film there is room.

        Keyframes are 60 frames apart or more (half of them as far as the film is long); where a film is too
        short for a spacing, it has the widest that it has room for. Half frames are neighbours where a film
        has nothing between its frames. A quarter of the clips has uneven spacings. A film of fewer than
        `length` frames is a clip as a whole.
        """
        film = self._film(chance)
        frames = self.footage.length(film)
        count = min(length, frames)
        widest = (frames - 1) / max(1, count - 1)
        kind = chance.choices(range(len(mix)), mix)[0]
        stride = _stride(kind, widest, chance)
        steps = [stride] * (count - 1)
        if stride > 1 and chance.random() < 0.25:
            steps = [stride * chance.uniform(0.4, 1.6) for _ in steps]
        numbers: Sequence[float] = _spread(steps, frames)
        if kind == _HALVES and self.between:
            numbers = [number / 2 for number in numbers]
        first = chance.randint(0, frames - 1 - math.ceil(numbers[-1]))
        return Excerpt(footage=self.footage, film=film, numbers=tuple(float(first + n) for n in numbers))

    def references(self, clip: Excerpt, chance: random.Random, count: int) -> tuple[float, ...]:
        """Frames in which something is seen that is seen in the clip too."""
        first, last = int(clip.numbers[0]), math.ceil(clip.numbers[-1])
        wanted = frozenset[str]().union(*self._seen(clip.film, clip.numbers))
        around = self.footage.length(clip.film) - (last - first + 1)  # frames outside of the clip
        if not wanted or around < count:
            return ()
        places = sorted(chance.sample(range(around), min(around, _LOOKS)))
        numbers = [place if place < first else place + last - first + 1 for place in places]
        seen = zip(numbers, self._seen(clip.film, numbers), strict=True)
        akin = [float(number) for number, subjects in seen if subjects & wanted]
        return tuple(chance.sample(akin, count)) if len(akin) >= count else ()

    def _seen(self, film: int, numbers: Sequence[float]) -> Sequence[frozenset[str]]:
        """What may be known again of each frame: all that is known of real films is their captions."""
        return [frozenset({caption} - {""}) for caption in self.footage.captions(film, numbers)]

    def still(self, chance: random.Random) -> Excerpt:
        film = self._film(chance)
        number = chance.randrange(self.footage.length(film))
        return Excerpt(footage=self.footage, film=film, numbers=(float(number),))

    def _film(self, chance: random.Random) -> int:
        return chance.choices(self.films, cum_weights=self._weights)[0]


class RealFilms:
    """What every `Footage` of real films answers alike: there is no script, any word may name a subject."""

    scripted = False

    def lexicon(self) -> Mapping[str, Sequence[str]]:
        return {}

    def draws(self: Footage, films: Sequence[int]) -> FilmDraws:
        return FilmDraws(self, films)


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
