"""Sound out into files: beside the pictures of an mp4, or alone.

Sound is float32 `[samples, channels]`, values within -1..1; beyond that it is cut off.
"""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from longtake.files import written_whole
from longtake.video import VideoError, copy_packets, open_video

Sound = NDArray[np.float32]

_LAYOUTS = {1: "mono", 2: "stereo"}
_BLOCK = 1024  # samples that an AAC frame holds
_BITS = 160_000  # of AAC, a second


def add_sound(film: str | Path, sound: Sound, rate: int, out: str | Path) -> None:
    """Write the mp4 `out`: the pictures of the mp4 `film` as they are, and `sound` beside them as AAC.

    The sound begins with the first frame. Raises VideoError where `film` holds no pictures, ValueError for
    sound that AAC cannot hold.
    """
    sound = _checked(sound)
    known = sorted(av.codec.Codec("aac", "w").audio_rates or ())
    if rate not in known:
        raise ValueError(f"AAC has no rate of {rate}: give one of {', '.join(map(str, known))}")
    # Packets wait for those of the other stream, so that pictures and their sound lie side by side.
    options = {
        "fflags": "+bitexact",
        "movflags": "+faststart+use_metadata_tags",
        "max_interleave_delta": "0",
    }
    with (
        open_video(film) as source,
        written_whole(Path(out)) as aside,
        av.open(str(aside), "w", format="mp4", options=options) as made,
    ):
        made.metadata.update(source.metadata)
        pictures = source.streams.video[0]
        fps = pictures.average_rate
        if fps is None:
            raise VideoError(f"{film}: tells no frame rate, so sound cannot be laid beside it")
        target = made.add_stream_from_template(pictures)
        target.time_base = 1 / Fraction(fps)
        heard = made.add_stream("aac", rate=rate, layout=_LAYOUTS[sound.shape[1]])
        heard.bit_rate = _BITS
        copy_packets(source, film, made, target, 1 / Fraction(fps), 0)
        for start in range(0, len(sound), _BLOCK):
            planes = np.ascontiguousarray(sound[start : start + _BLOCK].T)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=_LAYOUTS[sound.shape[1]])
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            made.mux(heard.encode(frame))
        made.mux(heard.encode(None))


def write_wav(sound: Sound, rate: int, path: str | Path) -> None:
    """Write 16-bit PCM."""
    sound = _checked(sound)
    numbers = np.rint(sound * 32767).astype("<i2")
    with written_whole(Path(path)) as aside, wave.open(str(aside), "wb") as out:
        out.setnchannels(sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(numbers.tobytes())


def _checked(sound: Sound) -> Sound:
    """The sound, what is beyond -1..1 cut off."""
    if sound.ndim != 2 or sound.shape[1] not in _LAYOUTS or not len(sound):
        raise ValueError(f"sound is {sound.shape}: give [samples, channels] with one or two channels")
    return np.clip(sound, -1, 1).astype(np.float32, copy=False)
