"""kornia or scipy: each operation of cut-out and curation in both, on one thread; ours is the one that the pack uses.

Seconds are those of the processor, with the way into the library's own form and back (`enlarge` is torch's). The unit
says how far the two results are from each other at most, in all and without the 20 pixels along the border.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional

from ffgo.cutout.grid import ndimage as scipy_ndimage

from .measure import in_turn, row

SIZE, SMALL_SIZE = (768, 1024), (96, 128)
SLOW_SIZE = (100, 100)
"""kornia takes minutes for the distances and labels of a whole picture."""
BORDER = 20
SQUARE = np.ones((3, 3), bool)

Way = Callable[[], np.ndarray]


def rows(*, small: bool = False) -> Iterator[dict]:
    """One row an operation: CPU seconds of ours over those of the other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, (ours, other) in _operations(SMALL_SIZE if small else SIZE).items():
            spent = in_turn({"ours": ours, "other": other}, 1 if small else 5)
            cpu = spent["ours"].cpu, spent["other"].cpu
            off = np.abs(ours().astype(float) - other().astype(float))
            inside = off[BORDER:-BORDER, BORDER:-BORDER]
            unit = f"s, off by {off.max():.0e}, inside {inside.max():.0e}"
            yield row(f"filters_{name}", *cpu, unit, cpu, ratio=cpu[0] / max(cpu[1], 1e-9))
    finally:
        torch.set_num_threads(threads)


def _operations(size: tuple[int, int]) -> dict[str, tuple[Way, Way]]:
    """Each operation on arrays as cut-out has them, (H, W) or (H, W, C), and as registration has them, a tensor."""
    from kornia import contrib, filters, morphology

    ndimage = scipy_ndimage()
    random = np.random.default_rng(1)
    picture = ndimage.gaussian_filter(random.random((*size, 3), np.float32), (2, 2, 0))
    half, plane = picture[::2, ::2].copy(), torch.from_numpy(picture[..., 0].copy())[None, None]
    mask, part = _ring(size) | _ring(size)[::-1, ::-1] | (random.random(size) > 0.9), _ring(SLOW_SIZE)
    cross = torch.tensor(ndimage.generate_binary_structure(2, 1), dtype=torch.float32)
    kernel, square, wide = filters.get_gaussian_kernel1d(13, 2.0), torch.ones(2, 2), torch.ones(9, 9)

    def gaussian() -> np.ndarray:
        """With scipy's border, that of a mirror between the pixels, which kornia has not."""
        planes = _planes(np.pad(picture, ((6, 6), (6, 6), (0, 0)), mode="symmetric"))
        return _pixels(filters.filter2d_separable(planes, kernel, kernel, padding="valid"))

    def eroded(planes: torch.Tensor) -> torch.Tensor:
        return morphology.erosion(planes, cross)

    return {
        "gaussian": (lambda: ndimage.gaussian_filter(picture, 2.0, truncate=3, axes=(0, 1)), gaussian),
        "box": (
            lambda: ndimage.uniform_filter(picture, (3, 3, 1)),
            lambda: _pixels(filters.box_blur(_planes(picture), 3, "replicate", separable=True)),
        ),
        "dilation": (
            lambda: ndimage.binary_dilation(mask, SQUARE, 4),
            lambda: _pixels(morphology.dilation(_planes(mask), wide)) > 0.5,
        ),
        "erosion": (
            lambda: ndimage.binary_erosion(mask, iterations=2),
            lambda: _pixels(eroded(eroded(_planes(mask)))) > 0.5,
        ),
        "opening": (
            lambda: ndimage.binary_opening(mask, np.ones((2, 2))),
            lambda: _pixels(morphology.opening(_planes(mask), square)) > 0.5,
        ),
        "distance": (
            lambda: ndimage.distance_transform_edt(part),
            lambda: _pixels(contrib.distance_transform(_planes(~part))),
        ),
        "label": (
            lambda: ndimage.label(part)[0] > 0,
            lambda: _pixels(contrib.connected_components(_planes(part), num_iterations=100)) > 0,
        ),
        "registration_blur": (
            lambda: _pixels(filters.gaussian_blur2d(plane, 25, (4.0, 4.0))),
            lambda: ndimage.gaussian_filter(plane[0, 0].numpy(), 4.0, mode="mirror", radius=12),
        ),
        "enlarge": (
            lambda: _pixels(functional.interpolate(_planes(half), size, mode="bilinear")),
            lambda: ndimage.zoom(half, (2, 2, 1), order=1, grid_mode=True, mode="nearest"),
        ),
    }


def _ring(size: tuple[int, int]) -> np.ndarray:
    """A ring as a subject is: half as high as the picture, with a hole; the border cuts it off."""
    y, x = np.ogrid[: size[0], : size[1]]
    away = np.hypot(y - size[0] / 4, x - size[1] / 2) / size[0]
    return (away < 0.35) & (away > 0.05)


def _planes(values: np.ndarray) -> torch.Tensor:
    """(H, W) or (H, W, C) as kornia takes it: (1, C, H, W)."""
    return torch.from_numpy(np.atleast_3d(values).astype(np.float32)).permute(2, 0, 1)[None].contiguous()


def _pixels(planes: torch.Tensor) -> np.ndarray:
    """(1, C, H, W) as (H, W, C), or (H, W) where there is one channel."""
    values = planes[0].permute(1, 2, 0).numpy()
    return values[..., 0] if values.shape[2] == 1 else values
