"""Where a picture that a model returned lies on the photo that it was given.

Image models crop, letterbox or stretch to their own canvas, and bend what they redraw a little. So: the best of the
usual scales by phase correlation, then an affine map that follows the shifts of many small blocks robustly, then a
smooth bend of a few pixels. The share of blocks that agree with the affine map tells whether it is the same scene.

Coordinates are pixels with the centre of the first pixel at 0.5, x to the right and y down.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

WORK_SIDE = 640
"""Pixels of the longer side of the photo that is compared."""

BLOCK, STRIDE = 64, 32
SCALES = (0.94, 0.97, 1.0, 1.03, 1.06)
"""Tried on top of stretch, fit and cover."""

AFFINE_ROUNDS, BEND_ROUNDS = 6, 2
BEND_STEP, BEND_REACH = 16, 32.0
LARGEST_BEND = 5.0
"""Working pixels that a block may be away from the affine map."""

TEXTURE, LIKE, SURE = 0.004, 0.3, 0.5
"""Least contrast of a block (0..1), and correlations: usable, and certain to show the same thing."""

NEAR_PX = 1.5
"""Pixels of the photo within which a block agrees."""

RIGID_PX = 0.3
"""Pixels of the photo: where three quarters of the blocks are nearer to the affine map, there is nothing to bend."""

FEWEST = 8
"""Blocks that a judgement needs."""

FLAT_SHARE, FLAT_COLOUR = 0.3, 0.06
"""A photo with hardly any texture is judged by its flat blocks: how many at least, and how like in brightness."""

SAME_SCENE = 0.55
"""Least score. Plates that fit have .70 and more, another view of the scene .29, other scenes less."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Photo pixel -> returned picture's pixel."""

    matrix: np.ndarray
    """(2, 3): matrix @ (x, y, 1)."""
    bend: np.ndarray
    """(rows, columns, 2): added to (x, y) before the matrix, in pixels of the photo; a grid over all of it."""
    score: float
    """Share of comparable blocks that lie within 1.5 px of the affine map; 0..1."""
    error_px: float
    """Median distance of comparable blocks after all, in pixels of the photo."""

    @property
    def same_scene(self) -> bool:
        return self.score >= SAME_SCENE


def register(photo: np.ndarray, returned: np.ndarray, ignore: np.ndarray | None = None) -> Registration:
    """Find where `photo` (H, W, 3) uint8 lies in `returned` (h, w, 3) uint8.

    `ignore` (H, W) bool: where the two differ on purpose. About 0.4 s for 1280x720 on one core.
    """
    a, b, to_work, to_returned = _prepared(photo, returned)
    usable = torch.ones_like(a) if ignore is None else _shrunk_mask(~ignore, a)
    affine = _best_scale(a, b)
    for round_ in range(AFFINE_ROUNDS):
        blocks = _compare(a, b, affine, None, usable)
        near = max(LARGEST_BEND + 3, BLOCK / 2 / 2**round_)  # a first guess may be far off, a later one is not
        chosen = blocks.textured & (blocks.like > LIKE) & (blocks.shift.norm(dim=1) < near)
        if chosen.sum() < FEWEST:
            break
        there = (blocks.centre + blocks.shift)[chosen].double() @ affine[:, :2].T + affine[:, 2]
        affine = _robust_affine(blocks.centre[chosen], there, blocks.like[chosen] - LIKE)
    blocks = _compare(a, b, affine, None, usable)
    sure = blocks.textured & (blocks.like > SURE)
    if sure.sum() < FEWEST:
        return _by_colour(photo, returned, usable)
    score = float((_distance(blocks, to_work)[sure] < NEAR_PX).float().mean())
    bend = torch.zeros(1, 1, 2)
    bent = float(_distance(blocks, to_work)[sure].quantile(0.75)) > RIGID_PX
    for _ in range(BEND_ROUNDS if bent else 0):
        chosen = blocks.textured & (blocks.like > SURE) & (blocks.shift.norm(dim=1) < LARGEST_BEND)
        bend = bend + _smooth_bend(blocks.centre[chosen], blocks.shift[chosen], blocks.like[chosen] - 0.4, a.shape)
        blocks = _compare(a, b, affine, bend, usable)
    sure = blocks.textured & (blocks.like > SURE)
    error = float(_distance(blocks, to_work)[sure].median()) if sure.any() else float("inf")
    matrix = torch.diag(1 / to_returned) @ affine @ torch.diag(torch.cat([to_work, torch.ones(1)]).double())
    return Registration(matrix.numpy(), (bend / to_work).numpy(), score, error)


def warp(returned: np.ndarray, registration: Registration, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """`returned` (h, w, 3) uint8 as the photo sees it: (H, W, 3) float32 0..1, and (H, W) bool where it has pixels."""
    picture = torch.from_numpy(returned.copy()).permute(2, 0, 1).float()[None] / 255
    matrix = torch.from_numpy(registration.matrix)
    x, y = _positions(width, height, torch.from_numpy(registration.bend))
    grid, inside = _grid(x, y, matrix, returned.shape[1], returned.shape[0])
    out = functional.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)[0]
    return out.clamp(0, 1).permute(1, 2, 0).numpy(), inside.numpy()


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Small squares of the photo, and where the returned picture has them."""

    centre: Tensor
    shift: Tensor
    like: Tensor
    """Correlation at that shift."""
    textured: Tensor


def _prepared(photo: np.ndarray, returned: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both as edges at about the same size, and the scales to them (x, y)."""
    pictures, scales = [], []
    for pixels in (photo, returned):
        height, width = pixels.shape[:2]
        shrink = WORK_SIDE / max(height, width)
        size = (max(BLOCK, round(width * shrink)), max(BLOCK, round(height * shrink)))
        grey = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.LANCZOS)
        grey = torch.from_numpy(np.asarray(grey, np.float32) / 255)
        pictures.append(_blurred(grey, 0.8) - _blurred(grey, 4.0))
        scales.append(torch.tensor([size[0] / width, size[1] / height]))
    return pictures[0], pictures[1], scales[0], scales[1].double()


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    from kornia.filters import gaussian_blur2d

    return gaussian_blur2d(picture[None, None], 2 * round(3 * sigma) + 1, (sigma, sigma))[0, 0]


def _shrunk_mask(keep: np.ndarray, like: Tensor) -> Tensor:
    return functional.interpolate(torch.from_numpy(keep).float()[None, None], size=like.shape, mode="area")[0, 0]


def _positions(width: int, height: int, bend: Tensor | None) -> tuple[Tensor, Tensor]:
    """x and y of all pixel centres, bent."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    if bend is not None:
        bent = functional.interpolate(bend.permute(2, 0, 1)[None].float(), size=(height, width), mode="bicubic")[0]
        x, y = x + bent[0], y + bent[1]
    return x, y


def _grid(x: Tensor, y: Tensor, matrix: Tensor, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Positions on a picture of that size as grid_sample wants them, and which are on it."""
    there_x = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    there_y = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    grid = torch.stack([there_x / width * 2 - 1, there_y / height * 2 - 1], -1)[None].float()
    return grid, (grid[0].abs() <= 1).all(-1)


def _looked_up(picture: Tensor, matrix: Tensor, bend: Tensor | None, size: torch.Size) -> tuple[Tensor, Tensor]:
    x, y = _positions(size[1], size[0], bend)
    grid, inside = _grid(x, y, matrix, picture.shape[1], picture.shape[0])
    out = functional.grid_sample(picture[None, None], grid, mode="bicubic", padding_mode="border", align_corners=False)
    return out[0, 0], inside


def _best_scale(a: Tensor, b: Tensor) -> Tensor:
    """The map (2, 3) among stretch, fit and cover, a bit bigger or smaller, that phase correlation likes best."""
    (height, width), (there_height, there_width) = a.shape, b.shape
    across, down = there_width / width, there_height / height
    kinds = {(across, down), (min(across, down),) * 2, (max(across, down),) * 2}
    best, best_peak = torch.zeros(2, 3).double(), -1.0
    for scale_x, scale_y in sorted((x * s, y * s) for x, y in kinds for s in SCALES):
        centred = torch.tensor(
            [
                [scale_x, 0, (there_width - scale_x * width) / 2],
                [0, scale_y, (there_height - scale_y * height) / 2],
            ],
            dtype=torch.float64,
        )
        looked_up, inside = _looked_up(b, centred, None, a.shape)
        peak, dx, dy = _phase_peak(a, looked_up * inside)
        if peak > best_peak:
            best, best_peak = centred.clone(), peak
            best[:, 2] += centred[:, :2] @ torch.tensor([dx, dy]).double()
    return best


def _phase_peak(a: Tensor, b: Tensor) -> tuple[float, float, float]:
    """How strongly `b` is `a` shifted, and by how much, at half the size."""
    a, b = (functional.avg_pool2d(x[None, None], 2)[0, 0] for x in (a, b))
    height, width = a.shape
    cross = torch.fft.rfft2(a).conj() * torch.fft.rfft2(b)
    peaks = _blurred(torch.fft.irfft2(cross / cross.abs().clamp_min(1e-9), s=(height, width)), 1.0)
    y, x = divmod(int(peaks.argmax()), width)
    dx, dy = (x + width // 2) % width - width // 2, (y + height // 2) % height - height // 2
    return float(peaks.max()), 2.0 * dx, 2.0 * dy


def _compare(a: Tensor, b: Tensor, matrix: Tensor, bend: Tensor | None, usable: Tensor) -> _Blocks:
    """The shift of each block of `a` in `b` by windowed correlation, to a fraction of a pixel."""
    looked_up, inside = _looked_up(b, matrix, bend, a.shape)
    window = torch.outer(*[torch.hann_window(BLOCK, periodic=False)] * 2)
    here, there = (_cut(x) for x in (a, looked_up))
    here, there = ((x - x.mean((1, 2), keepdim=True)) * window for x in (here, there))
    energy = here.square().sum((1, 2))
    strength = (energy * there.square().sum((1, 2))).sqrt().clamp_min(1e-9)
    cross = torch.fft.irfft2(torch.fft.rfft2(here).conj() * torch.fft.rfft2(there), s=(BLOCK, BLOCK))
    like = cross / strength[:, None, None]
    peak, at = like.flatten(1).max(1)
    y, x = at // BLOCK, at % BLOCK
    shift = torch.stack([_centred(x) + _vertex(like, y, x, 0, 1), _centred(y) + _vertex(like, y, x, 1, 0)], 1)
    rows, columns = (torch.arange(0, side - BLOCK + 1, STRIDE) + BLOCK / 2 for side in a.shape)
    centre = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).flatten(0, 1)
    contrast = (energy / window.square().sum()).sqrt()
    whole = _cut(inside * usable).mean((1, 2)) > 0.95
    return _Blocks(centre, shift, peak, whole & (contrast > TEXTURE))


def _cut(picture: Tensor) -> Tensor:
    return picture.unfold(0, BLOCK, STRIDE).unfold(1, BLOCK, STRIDE).flatten(0, 1)


def _centred(index: Tensor) -> Tensor:
    return (index + BLOCK // 2) % BLOCK - BLOCK // 2


def _vertex(like: Tensor, y: Tensor, x: Tensor, dy: int, dx: int) -> Tensor:
    """Where between its neighbours the parabola through a peak has its top: -0.5..0.5."""
    n = torch.arange(len(like))
    before, at, after = (like[n, (y + i * dy) % BLOCK, (x + i * dx) % BLOCK] for i in (-1, 0, 1))
    curve = before - 2 * at + after
    return torch.where(curve < -1e-9, (before - after) / (2 * curve.clamp_max(-1e-9)), 0.0).clamp(-0.5, 0.5)


def _robust_affine(here: Tensor, there: Tensor, weight: Tensor, rounds: int = 20) -> Tensor:
    """The affine map (2, 3) that most blocks follow; those far from it hardly count (Geman-McClure)."""
    points = torch.cat([here, torch.ones(len(here), 1)], 1).double()
    weight = weight.double()
    trusted, solution = weight, torch.zeros(3, 2).double()
    for _ in range(rounds):
        root = trusted.sqrt()[:, None]
        solution = torch.linalg.lstsq(points * root, there * root, driver="gelsd").solution
        distance = (points @ solution - there).norm(dim=1)
        trusted = weight / (1 + (distance / max(0.3, 1.5 * float(distance.median()))) ** 2) ** 2
    return solution.T


def _smooth_bend(centre: Tensor, shift: Tensor, weight: Tensor, size: torch.Size) -> Tensor:
    """Shifts of blocks spread over a grid on the whole picture; where there are no blocks it fades to none."""
    rows, columns = (max(2, round(side / BEND_STEP)) for side in size)
    y, x = torch.meshgrid(
        (torch.arange(rows) + 0.5) * size[0] / rows, (torch.arange(columns) + 0.5) * size[1] / columns, indexing="ij"
    )
    near = torch.exp(-0.5 * (torch.cdist(torch.stack([x, y], -1).flatten(0, 1), centre) / BEND_REACH) ** 2) * weight
    return ((near @ shift) / (near.sum(1, keepdim=True) + 0.05)).view(rows, columns, 2)


def _distance(blocks: _Blocks, to_work: Tensor) -> Tensor:
    return (blocks.shift / to_work).norm(dim=1)


def _by_colour(photo: np.ndarray, returned: np.ndarray, usable: Tensor) -> Registration:
    """For photos with hardly any texture: stretched to fit, and judged by the brightness of flat places."""
    height, width = photo.shape[:2]
    stretch = np.array([[returned.shape[1] / width, 0, 0], [0, returned.shape[0] / height, 0]])
    size = (usable.shape[1], usable.shape[0])
    a, b = (np.asarray(Image.fromarray(p).convert("L").resize(size), np.float32) / 255 for p in (photo, returned))
    a, b = (_cut(torch.from_numpy(x)) for x in (a, b))
    flat = (a.std((1, 2)) < 0.02) & (_cut(usable).mean((1, 2)) > 0.95)
    if flat.float().mean() < FLAT_SHARE:
        return Registration(stretch, np.zeros((1, 1, 2)), 0.0, float("inf"))
    score = float(((a - b).mean((1, 2)).abs()[flat] < FLAT_COLOUR).float().mean())
    return Registration(stretch, np.zeros((1, 1, 2)), score, 0.0)
