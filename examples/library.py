"""longtake as a library: frames as arrays, a film, an edit, an evaluation, and a strategy of one's own.

python examples/library.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import longtake
from longtake.strategies import Chain, Strategy

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "library-demo")
folder.mkdir(exist_ok=True)

# A storyboard can be a file, or made here.
board = longtake.Storyboard(
    title="Two scenes",
    video=longtake.Video(fps=12, frames=61),
    scenes=[
        longtake.Scene(id="walk", at=0, prompt="A fox walks right in the meadow by day."),
        longtake.Scene(id="rain", at=31, prompt="A frog waves at the beach at dusk."),
    ],
)
film = longtake.open(board, store=folder / "store")
print(film, "needs", film.plan().missing, "clips")

# Frames are arrays, drawn when they are asked for.
frame = film[40]
print("one frame", frame.shape, frame.dtype, "- clips left to draw:", film.plan().missing)
frames = film.frames(0, 61, progress=lambda p: print(f"{p.clips} of {p.clips_total} clips"))
film.render(folder / "film.mp4", sheet=folder / "scenes.png")

# An edit is another film; it shares every clip that the edit does not touch.
snow = film.edit("prompt", scene="rain", prompt="A rabbit sleeps on the farm at night.")
print("the edit draws", snow.plan().missing, "of", snow.plan().clips, "clips anew")
snow.render(folder / "edited.mp4")
snow.save(folder / "edited.yaml")

# Frames in memory are measured against the storyboard that they should show.
report = longtake.measure(frames, storyboard=board, out=folder / "report", controls="none")
print("measured into", report.folder)


# A strategy of one's own: keyframes from left to right, 60 frames apart, then what lies between them.
class Every60(Strategy):
    name = "every-60"
    chain = Chain(16, 4)

    def strides(self, length: int) -> list[int]:
        return [60, 15, 1]


other = longtake.open(board, strategy=Every60, store=folder / "store")
print(other.plan().levels, "clips per level; frames", other.frames(58, 61).shape)
