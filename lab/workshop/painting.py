"""A small painter for flat shapes with soft light: what lab/workshop/materials.py draws with.

Every shape is an outline, an (N, 2) array of x and y in picture pixels. It is painted at SUPERSAMPLING times
the size and reduced at the end. The light comes from the upper left.
"""

import numpy as np
from PIL import Image, ImageColor, ImageFilter
from PIL.ImageDraw import Draw

SUPERSAMPLING = 3
TONES = 85  # steps of 3/255: the eye sees no difference, and the files are a third smaller
SHADE, SHINE = (0.14, 0.08, 0.30), (1.0, 0.97, 0.88)
CENTRE, BALL = (0.5, 0.5), (0.34, 0.28)


def smooth(points) -> np.ndarray:
    """A Catmull-Rom curve through points, given as an array or as "x,y x,y"; two points give a straight line."""
    p = np.array([pair.split(",") for pair in points.split()] if isinstance(points, str) else points, float)
    if len(p) < 3:
        return p
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, 24, endpoint=False)[:, None]
    curve = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.vstack([curve.reshape(-1, 2), p[-2]])


def path(points: str) -> np.ndarray:
    """An outline of smooth pieces with corners between them: "x,y x,y x,y | x,y x,y"."""
    return np.vstack([smooth(piece) for piece in points.split("|")])


def mirrored(points: str, middle: float) -> np.ndarray:
    """An outline whose right half is the smooth curve through the points, from top to bottom."""
    right = smooth(points)
    return np.vstack([right, right[::-1] * (-1, 1) + (2 * middle, 0)])


def ellipse(x, y, rx, ry, arc=(0, 360)) -> np.ndarray:
    angles = np.radians(np.linspace(arc[0], arc[1], 90))
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], 1)


def block(left, top, right, bottom, radius=0.0) -> np.ndarray:
    """A rectangle with rounded corners."""
    x0, y0, x1, y1 = left + radius, top + radius, right - radius, bottom - radius
    corners = [(x1, y1, 0), (x0, y1, 90), (x0, y0, 180), (x1, y0, 270)]
    return np.vstack([ellipse(x, y, radius, radius, (start, start + 90)) for x, y, start in corners])


def stroke(points, width, tip=None) -> np.ndarray:
    """The outline of a pen stroke along a smooth curve, from `width` at its start to `tip` at its end."""
    middle = smooth(points)
    along = np.gradient(middle, axis=0)
    across = along[:, ::-1] * (-1, 1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    across *= np.linspace(width, width if tip is None else tip, len(middle))[:, None] / 2
    return np.vstack([middle + across, (middle - across)[::-1]])


def moved(outline, x, y) -> np.ndarray:
    return outline + np.array([x, y])


class Painting:
    """A transparent picture, kept premultiplied and SUPERSAMPLING times too large until it is finished."""

    def __init__(self, width: int, height: int, seed: int):
        self.pixels = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING, 4), np.float32)
        self.rng = np.random.default_rng(seed)

    def paint(self, outline, colours: str, *, angle=60.0, focus=None, blur=0.0, relief=0.0, within=None) -> None:
        """Fill an outline with a run of colours (#rrggbb[aa]) at an angle, or outwards from a focus in its box."""
        window = self._window(outline, 3 * blur)
        cover = self._cover(outline, window, blur)
        if within is not None:
            cover = cover * self._cover(within, window)
        low, high = outline.min(0), outline.max(0)
        y, x = (axis / SUPERSAMPLING for axis in np.ogrid[window])
        if focus:
            (cx, cy), (rx, ry) = low + (high - low) * focus, (high - low) / 2
            run = np.hypot((x - cx) / rx, (y - cy) / ry)
        else:
            direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
            reach = outline @ direction
            run = (x * direction[0] + y * direction[1] - reach.min()) / max(np.ptp(reach), 1e-6)
        layer = _colour_table(colours)[(run.clip(0, 1) * 1023).astype(np.int32)] * cover[..., None]
        self.pixels[window] = layer + self.pixels[window] * (1 - layer[..., 3:])
        if relief:
            self.relieve(outline, relief)

    def relieve(self, outline, reach: float, strength=0.42) -> None:
        """Round what lies inside an outline: shine along its upper left rim, shade along its lower right one."""
        window = self._window(outline, 0)
        cover = self._cover(outline, window)
        for colour, shift in ((SHINE, 0.7 * reach), (SHADE, -0.7 * reach)):
            rim = cover * (1 - self._cover(outline + shift, window, reach))
            below = self.pixels[window]
            full = np.array(colour, np.float32) * below[..., 3:]
            below[..., :3] += (full - below[..., :3]) * rim[..., None] * strength

    def _window(self, outline, pad: float) -> tuple[slice, slice]:
        limits = np.array(self.pixels.shape[1::-1])
        low = np.clip((outline.min(0) - pad) * SUPERSAMPLING - 2, 0, limits - 1).astype(int).tolist()
        high = np.clip((outline.max(0) + pad) * SUPERSAMPLING + 2, low + np.array(1), limits).astype(int).tolist()
        return slice(low[1], high[1]), slice(low[0], high[0])

    def _cover(self, outline, window, blur=0.0) -> np.ndarray:
        """How far the outline covers each pixel of the window, 0..1."""
        margin = int(3 * blur * SUPERSAMPLING)  # what lies just outside counts in the blur
        (top, bottom), (left, right) = ((side.start - margin, side.stop + margin) for side in window)
        mask = Image.new("L", (right - left, bottom - top))
        Draw(mask).polygon((outline * SUPERSAMPLING - (left, top)).ravel().tolist(), fill=255)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SUPERSAMPLING))
        inside = slice(margin, -margin or None)
        return np.asarray(mask, np.float32)[inside, inside] / 255

    def reflect(self, horizon: int) -> None:
        """Mirror what lies above the horizon in the water below it, the ripples growing towards us."""
        line = horizon * SUPERSAMPLING
        for depth in range(len(self.pixels) - line):
            near = depth / SUPERSAMPLING
            sway = (np.sin(near**0.75 * 2.1) + 0.6 * np.sin(near * 0.9)) * (1 + near / 40) * SUPERSAMPLING
            self.pixels[line + depth] = np.roll(self.pixels[line - 1 - depth], round(sway), axis=0)

    def finish(self, texture=0.01) -> Image.Image:
        """Reduce to the final size: straight alpha, and under alpha 0 the colours of the nearest edge."""
        height, width = (side // SUPERSAMPLING for side in self.pixels.shape[:2])
        flat = _resized(self.pixels, width, height).clip(0, 1)
        grain = sum(_resized(self.rng.random((height // n, width // n, 1)) - 0.5, width, height) for n in (6, 20, 70))
        colour = flat[..., :3].mean((0, 1)) / flat[..., 3].mean()
        for cell in (8, 2, 1):
            coarse = _resized(flat, max(width // cell, 1), max(height // cell, 1), Image.Resampling.BOX)
            near = _resized(coarse, width, height, Image.Resampling.BILINEAR)
            alpha = near[..., 3:]
            colour = colour + (near[..., :3] / alpha.clip(1e-6) - colour) * (alpha * 8).clip(0, 1)  # faint edges ring
        picture = np.concatenate([colour * (1 + texture * grain * flat[..., 3:]), flat[..., 3:]], 2)
        return Image.fromarray((picture.clip(0, 1) * TONES).round().astype(np.uint8) * np.uint8(255 // TONES))


def _colour_table(colours: str) -> np.ndarray:
    """1024 premultiplied steps through the colours."""
    stops = np.array([ImageColor.getcolor(colour, "RGBA") for colour in colours.split()]) / 255
    stops[:, :3] *= stops[:, 3:]
    steps = np.linspace(0, len(stops) - 1, 1024)
    return np.stack([np.interp(steps, np.arange(len(stops)), channel) for channel in stops.T], 1).astype(np.float32)


def _resized(pixels, width, height, by=Image.Resampling.LANCZOS) -> np.ndarray:
    planes = np.moveaxis(np.asarray(pixels, np.float32), 2, 0)
    return np.stack([np.asarray(Image.fromarray(p).resize((width, height), by)) for p in planes], 2)
