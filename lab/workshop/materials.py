"""Draws the project's own demo materials: three subjects with soft alpha and two backgrounds.

Run from the repository root: `python -m lab.workshop.materials`.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import PIL
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .painting import BALL, CENTRE, Painting, block, ellipse, mirrored, moved, path, smooth, stroke
from .scenery import lake, town

FOLDER = Path(__file__).parents[1] / "materials"
STEEL = "#f3f6fb #b3bed0 #717d9b"
RED = "#ff8f70 #f0413a #cf2433 #a81a34"
WOOD = "#c98b56 #9a5b34 #6e3b24"


def hose(p: Painting, points, width: float) -> None:
    p.paint(stroke(points, width), STEEL, relief=width / 3)
    middle = smooth(points)
    for at, after in zip(middle[3::8], middle[4::8], strict=False):
        across = (after - at)[::-1] * (-0.5, 0.5) * width / np.linalg.norm(after - at)
        p.paint(stroke([at - across, at + across], 5), "#4a557a70 #3f4866c0")


def fur(p: Painting, x, y, radius, colours: list[str]) -> None:
    """A round tuft: hairs from the middle outwards, thin and half transparent at their tips."""
    p.paint(ellipse(x, y, radius * 0.85, radius * 0.85), " ".join(colours), focus=BALL)
    for angle, start, length in p.rng.random((900, 3)) * (2 * np.pi, 0.7, 0.16) + (0, 0.12, 0.2):
        turn = angle + p.rng.normal(0, 0.4)
        root = radius * start * np.array([np.cos(angle), np.sin(angle)])
        tip = root + radius * length * np.array([np.cos(turn), np.sin(turn)])
        tone = (root @ (0.5, 0.85) / radius + 1) * len(colours) / 2 + p.rng.normal(0, 0.4)
        colour = colours[int(np.clip(tone, 0, len(colours) - 1))]
        hair = stroke([root, tip], radius / 15, 1.2)
        p.paint(moved(hair, x, y), f"{colour} {colour}a0", angle=np.degrees(turn))


def robot() -> Painting:
    p = Painting(820, 1100, seed=1)
    p.paint(ellipse(452, 122, 104, 104), "#ffc94ae0 #ffb22e70 #ff9a1e28 #ff9a1e00", focus=CENTRE)
    p.paint(stroke("410,236 414,190 448,132", 16, 9), STEEL, relief=4)
    p.paint(ellipse(452, 122, 30, 30), "#fffbe0 #ffd95a #f59a1c", focus=BALL)
    for arm, hand, opening in (
        ("290,580 196,618 164,706 186,790", (192, 838), 100),
        ("530,580 650,606 718,540 716,440", (716, 394), 285),
    ):
        hose(p, arm, 50)
        p.paint(stroke(ellipse(*hand, 36, 38, (opening + 32, opening + 328))[::8], 30), RED, relief=8)
        wrist = smooth(arm)[-1]
        p.paint(ellipse(wrist[0], wrist[1], 31, 31), RED, relief=10)
    for x in (330, 490):
        hose(p, [(x, 800), (x, 870), (x, 940)], 62)
        p.paint(moved(mirrored("0,906 40,912 68,950 72,1000", 0), x, 0), RED, relief=18)
        p.paint(block(x - 78, 988, x + 78, 1016, 14), "#5b6482 #343b58", relief=6)
    p.paint(block(352, 452, 468, 520), STEEL, relief=12)
    p.paint(mirrored("410,494 480,495 556,510 588,570 578,690 540,800 480,836 410,838", 410), RED, relief=30)
    p.paint(block(322, 562, 498, 724, 40), "#fff8e4 #f6dfae #d9b27c", relief=10)
    p.paint(ellipse(410, 634, 62, 62), "#7a1730 #a81a34", relief=4)
    p.paint(mirrored("410,616 430,600 452,610 448,640 410,676", 410), "#fff3c4 #ffc23c #ff8b2b", relief=5)
    for x, colours in ((360, "#9ef3e6 #1fa7a0"), (410, "#ffe08a #f0a01c"), (460, "#ff9d8a #d02a36")):
        p.paint(ellipse(x, 768, 14, 14), colours, focus=BALL, relief=3)
    p.paint(block(222, 224, 598, 470, 96), RED, relief=30)
    p.paint(stroke(ellipse(410, 350, 200, 136, (185, 355))[::8], 24), "#5b6482 #343b58", relief=7)
    p.paint(block(258, 262, 562, 434, 68), "#8f1730 #6e1128 #d94a48")
    screen = block(268, 272, 552, 424, 60)
    p.paint(screen, "#2b3a68 #131a3a #0d1230")
    for x in (346, 474):
        p.paint(ellipse(x, 336, 62, 66), "#59f1ffa0 #35cfff30 #35cfff00", focus=CENTRE)
        p.paint(ellipse(x, 336, 27, 33), "#f4ffff #8ff6ff #39d3f5", focus=BALL)
    p.paint(stroke(ellipse(410, 352, 44, 36, (25, 155))[::8], 9), "#8ff6ff")
    p.paint(path("250,370 330,240 | 450,240 300,440"), "#ffffff58 #ffffff08", within=screen)
    for x in (218, 602):
        fur(p, x, 352, 56, ["#fff2c2", "#ffdf8e", "#fbc45c", "#e09a3c"])
    return p


def boat() -> Painting:
    p = Painting(1100, 800, seed=2)
    for end in ((100, 552), (970, 604)):
        p.paint(stroke([(540, 86), end], 3), "#6b4a3acc")
    mainsail = path("556,128 700,280 800,430 846,556 | 846,556 700,590 556,584 | 556,584 574,350 556,128")
    jib = path("522,124 392,330 190,530 | 190,530 350,572 504,566 | 504,566 498,340 522,124")
    for sail, colours in ((jib, "#fff6d2d8 #ffdf86c8 #ffb84ab8"), (mainsail, "#fff1b0f0 #ffcf3fe8 #f79a1ee0")):
        p.paint(sail, colours, relief=16)
        for y in (250, 340, 430, 510):
            p.paint(stroke(moved(smooth("180,30 400,6 540,0 700,14 860,50"), 0, y), 3), "#b8641e50", within=sail)
    p.paint(stroke("560,392 680,420 820,402", 44), "#ff7a4ee0 #e8432fd0", within=mainsail)
    flag = path("540,72 600,60 640,84 690,76 | 690,76 650,104 600,96 540,112")
    p.paint(flag, "#ff8a6b #ee3b33 #c01f2ed0", angle=0, relief=5)
    p.paint(stroke("540,62 540,660", 9, 16), WOOD, angle=0, relief=4)
    p.paint(stroke("540,592 866,572", 14, 9), WOOD, relief=4)
    p.paint(ellipse(540, 62, 9, 9), "#fff3c4 #f0a01c", focus=BALL)
    p.paint(stroke("290,622 92,548", 20, 8), WOOD, relief=4)
    p.paint(block(612, 590, 800, 660, 14), "#fffaf0 #f2dfc0 #cfae86", relief=9)
    p.paint(block(600, 580, 812, 600, 9), "#ff8a6b #d9342f", relief=5)
    for x in (656, 706, 756):
        p.paint(ellipse(x, 622, 16, 14), "#dffaff #6fc5de #2c6f9c", relief=3)
    p.paint(path("936,640 984,640 | 984,640 984,720 960,748 | 900,748 936,640"), WOOD, relief=6)
    deck = "150,580 340,626 560,640 780,632 982,602"
    hull = path(f"{deck} | 976,606 952,690 900,748 | 900,748 600,764 360,748 | 360,748 240,690 156,584")
    p.paint(hull, "#fff08a #ffd02e #f5a51a #c9701a", relief=26)
    p.paint(stroke("180,700 360,722 600,734 960,712", 30), "#ee4a3a #b5202e", within=hull)
    p.paint(stroke("180,740 360,752 600,764 960,742", 34), "#3d4a78 #28305a", within=hull)
    p.relieve(hull, 26)
    for y in (26, 54):
        p.paint(stroke(moved(smooth(deck), 0, y), 2.5), "#a8601a70", within=hull)
    p.paint(stroke(deck, 18), WOOD, relief=5)
    for x, y in ((340, 676), (420, 688), (500, 694)):
        p.paint(ellipse(x, y, 20, 20), "#fffaf0 #cfae86", relief=4)
        p.paint(ellipse(x, y, 13, 13), "#dffaff #6fc5de #2c6f9c", focus=BALL)
    return p


def balloon() -> Painting:
    p = Painting(960, 960, seed=3)
    crown, skirt = ellipse(0, 330, 296, 266, (-90, 0)), smooth("296,332 290,392 258,476 176,606 96,700 62,736")
    profile = np.vstack([crown, skirt])
    for tail, colours in (
        ("530,862 600,886 672,850 740,890 806,868", "#ffd35ff8 #ffc24ad0 #ffe08a60"),
        ("530,850 620,806 700,850 780,796 866,822", "#f4593ff8 #ff8a5ad0 #ffb08a60"),
    ):
        p.paint(stroke(tail, 12, 30), colours, angle=0, relief=3)
    p.paint(ellipse(480, 750, 92, 96), "#ffd35ff0 #ffae3a80 #ff8a1e30 #ff8a1e00", focus=CENTRE)
    edges = np.sin(np.radians(np.linspace(-90, 90, 12)))
    for number, (left, right) in enumerate(pairwise(edges)):
        gore = moved(np.vstack([profile * (left, 1), profile[::-1] * (right, 1)]), 480, 0)
        p.paint(gore, ("#35c9c0 #12a0a2 #0b7c8c", "#f4fff6 #d3f1e2 #9fd6cb")[number % 2], relief=5)
    envelope = moved(np.vstack([profile, profile[::-1] * (-1, 1)]), 480, 0)
    band = smooth("150,392 320,440 480,452 640,440 810,392")
    p.paint(np.vstack([band, moved(band[::-1], 0, 68)]), "#ff9a78 #f4593f #d2382f #a82434", angle=10, within=envelope)
    for below in (0, 68):
        p.paint(stroke(moved(band, 0, below), 7), "#fff3c4 #f6c75a", within=envelope)
    p.relieve(envelope, 60, 0.55)
    p.paint(ellipse(360, 220, 60, 110), "#ffffff80 #ffffff00", focus=CENTRE, blur=6)
    p.paint(ellipse(480, 736, 62, 12), "#0a4f60 #0f7a86")
    for x, to in ((424, 426), (462, 458), (498, 502), (536, 534)):
        p.paint(stroke([(x, 736), (to, 838)], 3.5), "#6b4a3a")
    p.paint(path("480,722 498,760 480,796 | 480,796 462,760 480,722"), "#fff6d0 #ffd24a #ff8a2a", angle=90)
    p.paint(block(460, 792, 500, 806, 4), STEEL, relief=3)
    basket = path("418,830 542,830 | 542,830 530,908 | 520,914 440,914 | 430,908 418,830")
    p.paint(basket, "#e0a564 #b87638 #84491f", relief=14)
    for row in range(6):
        for column in range(9):
            x, y = 420 + column * 15 + row % 2 * 7, 842 + row * 13
            p.paint(stroke([(x - 7, y), (x + 7, y + 2)], 7, 4), "#f3c68a90 #7a431c80", within=basket)
    p.paint(block(410, 822, 550, 842, 10), WOOD, relief=5)
    return p


MATERIALS = {
    "subject_robot": robot,
    "subject_boat": boat,
    "subject_balloon": balloon,
    "background_lake": lake,
    "background_town": town,
}


def draw(name: str) -> Image.Image:
    """A material by its name: RGBA for a subject, 256 colours for a background: a third of the room in the archive."""
    picture = MATERIALS[name]().finish()
    if name.startswith("subject"):
        return picture
    return picture.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=10)


def main() -> None:
    note = PngInfo()
    note.add_text("Software", f"Pillow {PIL.__version__}")  # another version may round a pixel differently
    for name in MATERIALS:
        draw(name).save(FOLDER / f"{name}.png", optimize=True, pnginfo=note)


if __name__ == "__main__":
    main()
