"""Networks of published numbers, from weights that a user has: I3D, Inception, CLIP, DINO and LPIPS' VGG.

None is shipped or fetched unasked. Weights are looked for (1) where the user says, (2) in the folder
LONGTAKE_WEIGHTS_DIR, (3) on the hub, only where a download is allowed. What is not there raises
`WeightsMissing`; no other network ever stands in for it.

Axes: N frames or clips, T frames of a clip, H W pixels, C colours, D features.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from longtake.evaluate.distances.extractors import FeatureExtractor
from longtake.evaluate.distances.frechet import Moments, frechet
from longtake.evaluate.measured import Floats32

WEIGHTS_DIR = "LONGTAKE_WEIGHTS_DIR"  # environment: a folder of i3d.pt, inception.pt, lpips.pt, clip/, dino/

_I3D_LEAST = 10  # frames: with fewer, nothing is left after I3D's strides
_CLIP_LOOK = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))  # its mean and std
_IMAGENET_LOOK = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class WeightsMissing(ValueError):
    """Weights that are not there, or no package to run them; what needs them is then not computed."""


def load_extractor(
    name: str,  # "i3d", "inception", "lpips", "clip" or "dino"
    weights: str | None = None,  # a file, a folder or, for "clip" and "dino", a hub id
    allow_download: bool = False,
    sha256: str | None = None,  # of the file of weights (of a folder: of its safetensors in order of name)
    device: str = "cpu",
) -> FeatureExtractor:
    """A network of published numbers, from weights that the user has.

    "i3d": TorchScript port of StyleGAN-V, 400 logits of clips of 10 frames or more, short side bilinearly to
    224, centre crop, values -1..1 (the convention of FVD ports; others stretch, and get other numbers).
    "inception": TorchScript port of StyleGAN2-ADA and clean-fid, 2048 features, resizes by itself.
    "lpips": TorchScript VGG16 of StyleGAN2-ADA, whose features `lpips` compares.
    "clip", "dino": a folder as `transformers` saves it, safetensors only; bicubically to the network's size.

    TorchScript is code: such a file is run only if its `sha256` is given too. Raises `WeightsMissing` where
    weights or the package are missing, ValueError where a digest does not match or the file is another net.
    """
    if name in _TORCHSCRIPT:
        see, digest, kind, size = _torchscript(name, _place(name, ".pt", weights), sha256, device)
    elif name in ("clip", "dino"):
        see, digest, kind, size = _transformer(name, _folder(name, weights, allow_download), sha256, device)
    else:
        raise ValueError(f"there is no network '{name}': choose {', '.join(_TORCHSCRIPT)}, clip or dino")
    black = torch.zeros(1, 3, *((16,) if kind == "clip" else ()), 64, 64, device=device)
    try:
        with torch.inference_mode():
            dim = see(black).shape[1]
    except (torch.jit.Error, RuntimeError, IndexError, TypeError) as error:
        raise ValueError(f"the weights of '{name}' are another network's: see how it is called") from error
    return FeatureExtractor(name=name, sha256=digest, size=size, kind=kind, dim=dim, see=see, device=device)


def lpips(extractor: FeatureExtractor, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Floats32:
    """LPIPS (arXiv 1801.03924) of pairs of frames uint8 `[N, H, W, 3]` -> `[N]`: 0 for equal ones.

    The network's features are weighted so that LPIPS is their squared distance.
    """
    assert extractor.name == "lpips"
    distances: Floats32 = np.square(extractor(a) - extractor(b)).sum(axis=1)
    return distances


def fvd_selfcheck(extractor: FeatureExtractor) -> float:
    """FVD of 8 all-black and 8 all-white videos, of 30 frames of 64 x 64 pixels.

    With I3D as StyleGAN-V ports it, 151.2 within 1 is right: common_metrics_on_video_quality tells 151.17 and
    151.256. Anything else is another network or another way to resize.
    """
    black = np.zeros((8, 30, 64, 64, 3), dtype=np.uint8)
    return frechet(Moments.of(extractor(black)), Moments.of(extractor(black + np.uint8(255))))


def clip_texts(prompts: Sequence[str], weights: str | None = None, allow_download: bool = False) -> Floats32:
    """CLIP's features of prompts `[S, D]`; weights as for `load_extractor`, with the tokenizer's files."""
    folder = _folder("clip", weights, allow_download)
    model, transformers = _pretrained("clip", folder, "cpu")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    most = model.config.text_config.max_position_embeddings
    tokens = tokenizer(list(prompts), padding=True, truncation=True, max_length=most, return_tensors="pt")
    with torch.inference_mode():
        features: Floats32 = _tensor(model.get_text_features(**tokens)).float().numpy()
    return features


_Loaded = tuple[Callable[[Tensor], Tensor], str, Literal["frame", "clip"], int]  # see, sha256, kind, size


def _see_i3d(net: Any, x: Tensor) -> Tensor:
    n, _, t = x.shape[:3]
    if t < _I3D_LEAST:
        raise ValueError(f"I3D needs clips of {_I3D_LEAST} frames or more, not {t}")
    frames = _square(x.movedim(2, 1).flatten(0, 1) / 127.5 - 1, 224, "bilinear")
    clips = frames.reshape(n, t, *frames.shape[1:]).movedim(1, 2).contiguous()
    return _tensor(net(clips, rescale=False, resize=False, return_features=True))


def _see_inception(net: Any, x: Tensor) -> Tensor:
    return _tensor(net(x, return_features=True))


def _see_lpips(net: Any, x: Tensor) -> Tensor:
    return _tensor(net(x, resize_images=False, return_lpips=True))


_TORCHSCRIPT: dict[str, tuple[Callable[[Any, Tensor], Tensor], Literal["frame", "clip"], int]] = {
    "i3d": (_see_i3d, "clip", 224),
    "inception": (_see_inception, "frame", 299),
    "lpips": (_see_lpips, "frame", 64),
}


def _torchscript(name: str, file: Path, sha256: str | None, device: str) -> _Loaded:
    if not file.is_file():
        raise WeightsMissing(f"{file} is not there: name the TorchScript file of '{name}'")
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is None:
        raise ValueError(
            f"{file} is TorchScript, which is code: it is run only if you also give the sha256 that whoever "
            "published it tells"
        )
    _compare(file, digest, sha256)
    with warnings.catch_warnings():  # torch would rather have other files, but no others were published
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            net = torch.jit.load(io.BytesIO(content), map_location=device).eval()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise ValueError(f"{file} is no TorchScript file: name the port of '{name}'") from error
    see, kind, size = _TORCHSCRIPT[name]
    return lambda x: see(net, x), digest, kind, size


def _transformer(name: str, folder: Path, sha256: str | None, device: str) -> _Loaded:
    digest = _sha256_of(folder)
    _compare(folder, digest, sha256 or digest)
    model, _ = _pretrained(name, folder, device)
    config = model.config.vision_config if name == "clip" else model.config
    # Only these two have a place for each patch and no way to stretch them; others are used at 224.
    size = int(config.image_size) if name == "clip" or config.model_type == "vit" else 224
    mean, std = (
        torch.tensor(values, device=device)[:, None, None]
        for values in (_CLIP_LOOK if name == "clip" else _IMAGENET_LOOK)
    )

    def see(x: Tensor) -> Tensor:
        looked = (_square(x / 255, size, "bicubic").clamp(0, 1) - mean) / std
        if name == "clip":
            return _tensor(model.get_image_features(pixel_values=looked))
        return _tensor(model(pixel_values=looked).last_hidden_state[:, 0])

    return see, digest, "frame", size


def _pretrained(name: str, folder: Path, device: str) -> tuple[Any, Any]:
    """The model in the folder, and the package that made it."""
    try:
        transformers: Any = importlib.import_module("transformers")
    except ModuleNotFoundError as error:
        raise WeightsMissing(f"'{name}' needs transformers: pip install transformers") from error
    kind = transformers.CLIPModel if name == "clip" else transformers.AutoModel
    try:
        model = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, KeyError) as error:
        raise ValueError(
            f"{folder} holds no model that transformers can open as '{name}': {error}"
        ) from error
    return model.float().eval().requires_grad_(False).to(device), transformers


def _place(name: str, suffix: str, weights: str | None) -> Path:
    """Where the weights should be: as the user says, or in the folder of weights."""
    if weights is not None:
        return Path(weights)
    folder = os.environ.get(WEIGHTS_DIR)
    if not folder:
        raise WeightsMissing(f"no weights for '{name}': name them, or put {name}{suffix} into ${WEIGHTS_DIR}")
    return Path(folder) / f"{name}{suffix}"


def _folder(name: str, weights: str | None, allow_download: bool) -> Path:
    """A model's folder with safetensors: on disk, in the hub's cache, or fetched where that is allowed."""
    folder = _place(name, "", weights)
    if not folder.is_dir() and weights is not None:
        hub: Any = importlib.import_module("huggingface_hub")
        try:
            patterns = ["*.json", "*.txt", "*.safetensors"]
            snapshot = hub.snapshot_download(
                weights, allow_patterns=patterns, local_files_only=not allow_download
            )
        except (OSError, ValueError) as error:
            remedy = "check the name" if allow_download else "name a folder, or allow the download"
            raise WeightsMissing(f"no weights for '{name}' at {weights}: {remedy}") from error
        folder = Path(snapshot)
    if not any(folder.glob("*.safetensors")):
        raise WeightsMissing(f"{folder} holds no safetensors: save '{name}' there with save_pretrained")
    return folder


def _sha256_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as content:
            while part := content.read(1 << 20):
                digest.update(part)
    return digest.hexdigest()


def _compare(place: Path, digest: str, wanted: str) -> None:
    if digest != wanted.lower():
        raise ValueError(f"{place} is not what you expect: its sha256 is {digest}, not {wanted}")


def _square(x: Tensor, size: int, mode: str) -> Tensor:
    """Images `[N, 3, H, W]`: the short side to `size` pixels, then the middle `[N, 3, size, size]`."""
    height, width = x.shape[-2:]
    short = min(height, width)
    target = (-(-height * size // short), -(-width * size // short))
    x = F.interpolate(x, size=target, mode=mode, align_corners=False)
    top, left = (target[0] - size) // 2, (target[1] - size) // 2
    return x[..., top : top + size, left : left + size]


def _tensor(output: Any) -> Tensor:
    """The tensor that a network returns; transformers from version 5 on wraps projected features."""
    features = getattr(output, "pooler_output", output)
    if not isinstance(features, Tensor):
        raise TypeError(f"the network returns {type(features).__name__}, not a tensor")
    return features
