"""What the HD decoder makes of latents, beside enlarging what the autoencoder makes of them.

Validation frames of the cartoon world are drawn at the model's size and at that of its HD decoder; the small
ones are encoded, and decoded by the HD decoder, or by the autoencoder and enlarged. Each is held against the
frame as the world draws it in high resolution: PSNR and SSIM (Wang et al. 2004; luma, 11x11 Gaussian window
of 1.5 pixels), and the steepness of its edges as a share of the true one, where the true frame has edges.

    python benchmarks/hd.py --model toon-128 --frames 200 --sheet hd.png
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import draw_stills
from longtake.draw.decode import ClipDecoder
from longtake.manifest import DEFAULT_MODEL, find_model, read_manifest
from longtake.models.pixels import to_model
from longtake.video import Pixels, write_png

Floats = NDArray[np.float64]
_EDGE = 24  # luma steps from pixel to pixel that count as an edge, of 255
_BATCH = 8  # frames decoded together


def luma(picture: Pixels) -> Floats:
    weighted: Floats = picture @ np.array([0.299, 0.587, 0.114])
    return weighted


def psnr(drawn: Pixels, true: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.square(drawn.astype(float) - true).mean()))


def ssim(drawn: Pixels, true: Pixels) -> float:
    def mean(x: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5))

    x, y = luma(drawn), luma(true)
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(((2 * mx * my + one) * (2 * both + two) / ((mx**2 + my**2 + one) * (vx + vy + two))).mean())


def steepness(picture: Pixels, true: Pixels) -> float:
    """Of the edges, as a share of the true ones."""
    steps, true_steps = 0.0, 0.0
    for axis in (0, 1):
        drawn, wanted = (np.abs(np.diff(luma(one), axis=axis)) for one in (picture, true))
        edges = wanted > _EDGE
        steps, true_steps = steps + drawn[edges].sum(), true_steps + wanted[edges].sum()
    return float(steps / true_steps)


def ways(small: Pixels, decode: ClipDecoder, decode_hd: ClipDecoder, hd: int) -> dict[str, list[Pixels]]:
    """Frames `[n, size, size, 3]` through latents and up, by every way."""
    latents = decode.vae.encode_latents(to_model(small)[:, None])[:, 0].float().numpy().astype(np.float16)
    plain = decode(latents)

    def enlarged(how: Image.Resampling) -> list[Pixels]:
        return [np.asarray(Image.fromarray(frame).resize((hd, hd), how)) for frame in plain]

    return {
        "HD decoder": list(decode_hd(latents)),
        "autoencoder, bicubic": enlarged(Image.Resampling.BICUBIC),
        "autoencoder, Lanczos": enlarged(Image.Resampling.LANCZOS),
        "autoencoder, nearest": enlarged(Image.Resampling.NEAREST),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--sheet", type=Path, help="a picture of the first three frames by every way")
    args = parser.parse_args()
    folder = find_model(args.model)
    manifest = read_manifest(folder)
    if not manifest.hd:
        parser.error(f"{manifest.name} has no HD decoder")
    decode, decode_hd = ClipDecoder(folder, "cpu"), ClipDecoder(folder, "cpu", hd=True)
    by_way: dict[str, list[tuple[float, float, float]]] = {}
    footage = CartoonWorld(64, manifest.edition)
    draws, rows = footage.draws(footage.films("validation")), []
    for part in track(range(0, args.frames, _BATCH), "frames"):
        count = min(_BATCH, args.frames - part)
        small, large = (
            draw_stills(draws, random.Random(part), count, size) for size in (manifest.size, manifest.hd)
        )
        for name, frames in ways(small, decode, decode_hd, manifest.hd).items():
            measured = [(psnr(m, t), ssim(m, t), steepness(m, t)) for m, t in zip(frames, large, strict=True)]
            by_way.setdefault(name, []).extend(measured)
            if part == 0:
                rows.append(np.concatenate(frames[:3], axis=1))
        if part == 0:
            rows.append(np.concatenate(list(large[:3]), axis=1))
    table = Table("way", "PSNR, dB", "SSIM", "edges, share of the true ones")
    for name, values in by_way.items():
        db, alike, steep = np.mean(values, axis=0)
        table.add_row(name, f"{db:.2f}", f"{alike:.4f}", f"{steep:.3f}")
    Console().print(table)
    if args.sheet:
        write_png(np.concatenate(rows, axis=0), args.sheet)


if __name__ == "__main__":
    main()
