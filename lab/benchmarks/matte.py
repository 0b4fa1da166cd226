"""Cut-outs against the truth: official RGBA cut-outs on white, degraded, then cut out again.

The error is the sum of the alpha errors / 1000, mean over the pictures; the other way is to take every pixel that is
darker than 240 on white, and the coarse mask itself where one is given. Pictures: all RGBA files below the official
samples that are not opaque, long side at most 1024. Skipped where those are absent.

`load_subject_*` go all the way of Load Subject, from a file to the cut-out: on white beside the matte itself, which
they must equal; on other grounds beside taking each pixel that is 15 of 255 away from the ground's colour.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ffgo.cutout.grid import Array, blur, ndimage
from ffgo.cutout.matte import cut_out
from ffgo.cutout.upload import open_upload
from ffgo.cutout.ways import subject_of

from .measure import row

REPO = Path(__file__).parents[2]
Way = Callable[[Array], Array]
"""From a picture (H, W, 3) to the alpha (H, W) of its subject."""
SIDE, SMALL_SIDE = 1024, 128
KINDS = ("clean", "noise6", "jpeg85", "off245", "shadow", "real")
GROUNDS = {"grey": (128, 128, 128), "green": (0, 177, 64), "blue": (40, 90, 200), "dark": (40, 36, 50)}


def rows(*, small: bool = False) -> Iterator[dict]:
    """Error of each degradation without and with a coarse mask, then the slowest picture against one second."""
    truths = list(_truths(SMALL_SIDE if small else SIDE))
    if not truths:
        return
    slowest = 0.0
    for kind in KINDS:
        pictures = [degraded(kind, colour, alpha) for colour, alpha in truths]
        for masked in (False, True):
            errors, seconds = np.zeros(2), np.zeros(2)
            for picture, (_, alpha) in zip(pictures, truths, strict=True):
                mask = coarse(alpha) if masked else None
                for i, way in enumerate((_ours, _simple)):
                    started = time.process_time()
                    found = way(picture, mask)
                    taken = time.process_time() - started
                    errors[i] += np.abs(found - alpha).sum() / 1000
                    seconds[i] += taken
                    slowest = max(slowest, taken) if way is _ours else slowest
            ours, other = errors / len(truths)
            name = f"matte_{kind}{'_masked' if masked else ''}"
            yield row(name, float(ours), float(other), "SAD/1000", (float(seconds[0]), float(seconds[1])))
    yield row("matte_seconds", slowest, 1.0, "s of one core", (slowest, 1.0))
    yield from _load_subject_rows(truths)


def _load_subject_rows(truths: list[tuple[Array, Array]]) -> Iterator[dict]:
    """Load Subject beside the matte itself on white, and beside a threshold on other grounds, lit as in a studio."""
    for kind in KINDS:
        pictures = [degraded(kind, colour, alpha) for colour, alpha in truths]
        yield _compared(f"load_subject_{kind}", pictures, truths, lambda picture: _ours(picture, None))
    for name, ground in GROUNDS.items():
        colour_of = np.asarray(ground, np.float32) / 255
        pictures = [degraded("real", colour, alpha, colour_of) for colour, alpha in truths]
        far = lambda picture, behind=colour_of: np.abs(picture - behind).max(-1) > 15 / 255  # noqa: E731
        yield _compared(f"load_subject_{name}", pictures, truths, far)


def _compared(name: str, pictures: list[Array], truths: list[tuple[Array, Array]], other: Way) -> dict:
    errors, seconds = np.zeros(2), np.zeros(2)
    for picture, (_, alpha) in zip(pictures, truths, strict=True):
        for i, way in enumerate((_loaded, other)):
            started = time.process_time()
            found = way(picture)
            seconds[i] += time.process_time() - started
            errors[i] += np.abs(found - alpha).sum() / 1000
    ours, theirs = errors / len(truths)
    return row(name, float(ours), float(theirs), "SAD/1000", (float(seconds[0]), float(seconds[1])))


def _loaded(picture: Array) -> Array:
    """The alpha that Load Subject gives for a file of this picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "subject.png"
        Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path, compress_level=1)
        loaded = subject_of(open_upload(path, path.name).picture, path.name)
    return loaded.image[0, ..., 3].numpy()


def _ours(picture: Array, mask: Array | None) -> Array:
    return cut_out(picture, mask).image[0, ..., 3].numpy()


def _simple(picture: Array, mask: Array | None) -> Array:
    return (mask > 0.5) if mask is not None else picture.min(-1) <= 240 / 255


def _truths(side: int) -> Iterator[tuple[Array, Array]]:
    """Colour (H, W, 3) and alpha (H, W) of each cut-out, every file once."""
    official = Path(os.environ.get("FFGO_SHARED", REPO.parent / "shared")) / "data" / "ffgo-official"
    contents = {path.read_bytes(): path for path in sorted(official.rglob("*.png"))}
    for content in contents:
        picture = Image.open(BytesIO(content))
        if picture.mode == "RGBA" and (np.asarray(picture)[..., 3] > 127).mean() < 0.99:
            yield _shrunk(picture, side)


def _shrunk(picture: Image.Image, side: int) -> tuple[Array, Array]:
    values = np.asarray(picture, np.float32) / 255
    premultiplied = np.concatenate([values[..., :3] * values[..., 3:], values[..., 3:]], -1)
    scale = min(1, side / max(picture.size))
    size = (round(picture.width * scale), round(picture.height * scale))
    channels = [Image.fromarray(premultiplied[..., c]).resize(size, Image.Resampling.LANCZOS) for c in range(4)]
    small = np.stack([np.asarray(channel) for channel in channels], -1)
    alpha = np.clip(small[..., 3], 0, 1)
    return np.clip(small[..., :3] / np.maximum(alpha, 1e-3)[..., None], 0, 1) * (alpha > 0)[..., None], alpha


def degraded(kind: str, colour: Array, alpha: Array, behind: Array | float = 1.0) -> Array:
    """The cut-out on its ground, white or `behind`: 8-bit values as float32."""
    random = np.random.default_rng(1)
    ground, noise, quality = np.float32(1), 0.0, 0
    if kind == "noise6":
        noise = random.integers(-6, 7, colour.shape) / 255
    elif kind == "jpeg85":
        quality = 85
    elif kind == "off245":
        ground = np.float32(245 / 255)
    elif kind == "shadow":
        ground = (1 - _shadow(alpha, 0.28))[..., None]
    elif kind == "real":
        y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in alpha.shape), indexing="ij")
        ground = (252 / 255 * (1 - 0.015 * (x * x + y * y)) * (1 - _shadow(alpha, 0.15)))[..., None]
        noise, quality = random.normal(0, 1.2 / 255, colour.shape), 92
    mixed = colour * alpha[..., None] + ground * behind * (1 - alpha[..., None]) + noise
    pixels = np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8)
    return (_jpeg(pixels, quality) if quality else pixels).astype(np.float32) / 255


def _shadow(alpha: Array, strength: float) -> Array:
    side = max(alpha.shape)
    return strength * blur(ndimage().shift(alpha, (0.03 * side, 0.018 * side), order=1), 0.02 * side)


def _jpeg(pixels: Array, quality: int) -> Array:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(buffer))


def coarse(alpha: Array) -> Array:
    """What a model of 256x256 cells gives that finds the subject: its border wanders by about one cell."""
    random = np.random.default_rng(1)
    cells = np.asarray(Image.fromarray(alpha).resize((256, 256), Image.Resampling.BOX)) > 0.5
    wander = [blur(random.normal(size=(256, 256)), 2) for _ in range(2)]
    places = [grid + offset / offset.std() for grid, offset in zip(np.mgrid[:256, :256], wander, strict=True)]
    moved = ndimage().map_coordinates(cells.astype(np.float32), places, order=1, mode="nearest")
    return np.asarray(Image.fromarray(moved.astype(np.float32)).resize(alpha.shape[::-1], Image.Resampling.BILINEAR))
