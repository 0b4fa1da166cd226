"""The two backgrounds among the demo materials: a lake in the evening and a town square in the morning."""

import numpy as np

from .painting import BALL, CENTRE, Painting, block, ellipse, mirrored, moved, path, smooth, stroke

GROUND = 486
FLOWERS = ["#ff8f81 #e84a4a", "#ffe08a #f0a01c", "#8fd08a #3f8f57", "#7fc07a #2f7a4a", "#ffc0d8 #e86a9c"]
HOUSES = [  # left, right, eaves, peak, wall, roof, trim
    (-50, 142, 236, 0.12, "#ffe2b0 #f2bf86", "#d9755a #a8483f", "#4f9a8c #2f6f6c"),
    (142, 334, 200, 0.12, "#f7b8a0 #e08a7c", "#8a5a6c #5f3a56", "#6a9a78 #3f7058"),
    (334, 462, 250, 0.5, "#cfe6d4 #9fc8b4", "#d9755a #a8483f", "#c8584a #963a3c"),
    (462, 590, 282, 0.12, "#fff0cc #ecd0a0", "#7a6a8c #54486c", "#5a86b8 #3a5f92"),
    (718, 846, 268, 0.5, "#f4c2b4 #dc9a94", "#7a6a8c #54486c", "#5f9a6c #3a7050"),
    (846, 1038, 204, 0.12, "#fff2d4 #ecd2a8", "#d9755a #a8483f", "#d8803c #a85a2c"),
    (1038, 1166, 246, 0.5, "#b8d8e6 #8fb4cc", "#8a5a6c #5f3a56", "#c8584a #963a3c"),
    (1166, 1358, 196, 0.12, "#ffd8a4 #eab07c", "#c8654f #944038", "#4f7fa8 #345c86"),
]


def pine(p: Painting, x, base, height, colours: str) -> None:
    tiers = np.arange(1, 10) / 9
    reach = height * 0.2 * tiers + p.rng.normal(0, height * 0.008, 9)
    low = base - height * (1 - tiers**1.1) * 0.96
    edge = np.stack([reach, low, reach * 0.5, low - height * 0.03], 1).reshape(-1, 2)
    outline = np.vstack([[(0, base - height)], edge, edge[::-1] * (-1, 1)])
    p.paint(moved(outline, x, 0), colours, angle=25)


def mountains(p: Painting, peaks: str, base, *, colours: str, shade: str, snow=0) -> None:
    """A range through valleys and peaks in turn: the right flanks in shade, snow on what reaches above a height."""
    ridge = np.array([pair.split(",") for pair in peaks.split()], float)
    fine = np.linspace(ridge[0, 0], ridge[-1, 0], 240)
    rough = np.interp(fine, *ridge.T) + np.interp(fine, fine[::4], p.rng.normal(0, 4, 60)) + p.rng.normal(0, 1, 240)
    outline = np.vstack([np.stack([fine, rough], 1), [(ridge[-1, 0], base), (ridge[0, 0], base)]])
    p.paint(outline, colours, angle=90)
    for (x, y), (valley, low) in zip(ridge[1::2], ridge[2::2], strict=False):
        down = np.linspace(0, 1, 12)[:, None] ** 0.8
        crest = (x, y) + down * (0.12 * (valley - x), base - y) + p.rng.normal(0, 7, (12, 1)) * (1, 0) * (down > 0)
        foot = x + (valley - x) * (base - y) / (low - y)
        flank = np.vstack([crest, [(foot, base), (valley, low), (valley, low - 40), (x + 4, y - 40)]])
        p.paint(flank, shade, angle=90, within=outline)
        if y < snow:
            edge = y + (snow - y) * (0.7 + 0.3 * np.resize([1, -0.6, 0.5, -1], 21))
            edge = np.stack([np.linspace(x - 140, x + 140, 21), edge], 1)
            cap = np.vstack([edge, [(x + 140, y - 30), (x - 140, y - 30)]])
            p.paint(cap, "#fff2e6e8 #ffd9cfc8 #d7a8c8a0", angle=30, within=outline)


def lake() -> Painting:
    p = Painting(1280, 720, seed=4)
    horizon, sun = 436, 300
    p.paint(block(-2, -2, 1282, 470), "#27306b #4b4690 #8a559c #d6708c #f99a72 #ffcf86", angle=90)
    for x, y, size in p.rng.random((60, 3)) * (1280, 150, 1.1) + (0, 0, 0.5):
        p.paint(ellipse(x, y, size, size), "#fff6e0a0")
    p.paint(ellipse(sun, 318, 520, 330), "#fff0b8e0 #ffd38a80 #ffb37a28 #ffb37a00", focus=CENTRE)
    p.paint(ellipse(sun, 318, 38, 38), "#fffdf0 #fff1b8", focus=CENTRE)
    for x, y, width in p.rng.random((20, 3)) * (1400, 220, 170) + (-60, 60, 60):
        for dx, dy, part in ((0, 0, 1), (width * 0.4, -6, 0.6), (-width * 0.3, 5, 0.7)):
            puff = ellipse(x + dx, y + dy, width * part, 5 + width / 26)
            p.paint(puff, "#ffe3b870 #f58a8a60 #8a4f9840", angle=80, blur=2.5)
    far = "-40,330 90,268 210,372 420,300 560,380 700,282 830,372 1000,300 1120,360 1330,290"
    high = "-40,250 60,196 250,400 330,372 520,424 760,226 880,344 1010,170 1180,330 1290,240 1330,280"
    near = "-40,352 40,340 240,424 420,414 640,430 820,392 960,420 1160,346 1340,416"
    mountains(p, far, 450, colours="#c9789c #e6979a #ffbf92", shade="#7a4a8c50 #c9789c10")
    mountains(p, high, 450, colours="#6d5299 #93649f #d98c98", shade="#2b2a6ab0 #5a4590a0 #a8708c30", snow=268)
    mountains(p, near, 450, colours="#4a3f7c #5c4a82 #7d5c88", shade="#1f2258a0 #37326a60")
    p.paint(block(-2, 400, 1282, 446), "#ffcf9a00 #ffd3a070 #ffd3a000", angle=90)
    for x in (*p.rng.normal(1120, 130, 46), *p.rng.normal(60, 110, 34), *p.rng.uniform(0, 1280, 40)):
        pine(p, x, horizon + 4, p.rng.uniform(16, 52) * (1 if abs(x - 600) > 300 else 0.5), "#4b4a7c #26295a")
    p.reflect(horizon)
    p.paint(block(-2, horizon, 1282, 722), "#ffc89820 #7a4a8850 #3a2f78a8 #1a1c58d8", angle=90)
    p.paint(ellipse(sun, 520, 130, 220), "#ffe0a078 #ffc88c40 #ffc88c00", focus=CENTRE)
    for x, depth, width in p.rng.random((420, 3)) * (1280, 1, 1):
        y, near_sun = horizon + 2 + 284 * depth**1.5, np.exp(-(((x - sun) / 170) ** 2))
        colour = "#fff0b8" if p.rng.random() < near_sun else ("#ffb69a" if y < 540 else "#7d86d8")
        glint = ellipse(x, y, (12 + 46 * width) * (0.4 + (y - horizon) / 200), 0.5 + (y - horizon) / 130)
        p.paint(glint, f"{colour}00 {colour}{int(60 + 130 * near_sun):02x} {colour}00", angle=0)
    return p


def window(p: Painting, left, top, right, bottom) -> None:
    middle, glass = (left + right) / 2, block(left, top, right, bottom)
    p.paint(block(left - 3, top - 3, right + 3, bottom + 3, 3), "#fffdf6 #e9d9bf")
    p.paint(glass, "#c9ecf8 #6fafd0 #3f6f9c")
    p.paint(stroke([(left + 4, bottom), (right - 4, top)], 7), "#ffffff60", within=glass)
    p.paint(stroke([(middle, top), (middle, bottom)], 2.4), "#fffdf6")


def house(p: Painting, sides, eaves, *, peak, wall: str, roof: str, trim: str) -> None:
    """A shop front with floors above; a peak of 0.5 makes a gable of its roof, less a ridge."""
    left, right = sides
    width, ridge = right - left, eaves - (96 if peak == 0.5 else 62)
    chimney = right - width * 0.3
    p.paint(block(chimney, ridge - 24 + 44 * (peak == 0.5), chimney + 20, eaves - 10, 3), "#e8a27c #b5694f", relief=4)
    tiles = np.array([(-9, eaves), (width * peak, ridge), (width * (1 - peak), ridge), (width + 9, eaves)])
    tiles = moved(tiles, left, 0)
    p.paint(tiles, roof, relief=6)
    for y in np.arange(ridge + 12, eaves, 13):
        p.paint(stroke([(left - 9, y), (right + 9, y)], 1.6), "#4a1f3a38", within=tiles)
    p.paint(block(left, eaves, right, GROUND), wall, relief=9)
    p.paint(block(left, eaves, right, eaves + 22), "#3a2a5a60 #3a2a5a00", angle=90)
    columns = np.linspace(left, right, round(width / 64) * 2 + 1)[1::2]
    for x in columns:
        for y in np.arange(eaves + 32, 336, 84):
            p.paint(block(x - 25, y - 3, x + 25, y + 46, 3), trim, relief=2)
            window(p, x - 12, y - 3, x + 12, y + 46)
            for dx, dy in p.rng.normal(0, 1, (12, 2)) * (9, 2.5):
                p.paint(ellipse(x + dx, y + 48 + dy, 3.6, 3.6), p.rng.choice(FLOWERS), focus=BALL)
    for x in columns[1:]:
        window(p, x - 23, 420, x + 23, 470)
    p.paint(block(columns[0] - 21, 410, columns[0] + 21, GROUND, 4), "#fffaf0 #cdb79a")
    p.paint(block(columns[0] - 16, 416, columns[0] + 16, GROUND, 2), trim, relief=5)
    awning = np.array([(left + 14, 380), (right - 14, 380), (right - 4, 418), (left + 4, 418)])
    p.paint(moved(awning, 4, 16), "#2a1f4a50", blur=3)
    p.paint(awning, "#fffdf4 #f3e2c4")
    for x in np.arange(left + 4, right, 28):
        p.paint(block(x, 378, x + 14, 420), trim, within=awning)
    p.relieve(awning, 6)


def town() -> Painting:
    p = Painting(1280, 720, seed=5)
    p.paint(block(-2, -2, 1282, 500), "#74bce8 #b4ddf2 #f2efe2 #ffe6c4", angle=90)
    p.paint(ellipse(120, 20, 620, 420), "#fffbeef0 #fff2dc90 #fff2dc00", focus=CENTRE)
    for x, y, size in ((470, 80, 40), (720, 112, 30), (905, 60, 38)):
        for dx, dy, part in ((-1.5, 0.3, 0.6), (-0.6, -0.1, 0.9), (0.4, -0.35, 1), (1.4, 0.25, 0.7), (0, 0.45, 1.1)):
            puff = ellipse(x + dx * size, y + dy * size, size * part, size * part * 0.6)
            p.paint(puff, "#ffffffe0 #fff6e8b0 #c9dcf060", blur=3)
    church(p)
    for left, right, eaves, peak, wall, roof, trim in HOUSES:
        house(p, (left, right), eaves, peak=peak, wall=wall, roof=roof, trim=trim)
    pavement(p)
    bunting(p, smooth("434,186 540,252 640,274 730,254 818,204"))
    tree(p, 96, 610, 128)
    lamp(p, 1188, 622)
    return p


def church(p: Painting) -> None:
    p.paint(path("500,360 600,330 700,340 800,350 | 800,500 500,500"), "#a8d0c0 #c8dcb8", angle=90)
    p.paint(path("626,290 680,290 | 680,500 626,500"), "#f6e9d8 #cdbcc6", angle=20, relief=5)
    p.paint(path("616,292 653,166 | 690,292 616,292"), "#8fb6c4 #5a7f9c", angle=20, relief=5)
    p.paint(ellipse(653, 322, 14, 14), "#fffdf4 #e9d2a0", relief=2)
    for x, y, radius in ((600, 452, 34), (706, 450, 36), (640, 440, 26), (676, 446, 24)):
        p.paint(ellipse(x, y, radius, radius), "#b4d69a #7db488 #4f8f7c", relief=7)
    p.paint(path("640,446 666,446 | 724,490 584,490"), "#f0dcc0 #e6cca6", angle=90)


def pavement(p: Painting) -> None:
    """The square: scattered stones that grow towards us, and the shade below the awnings."""
    p.paint(block(-2, GROUND, 1282, 722), "#f4e2c0 #e8d0aa #d2b392 #b09288", angle=80)
    y = GROUND + 12.0
    while y < 720:
        high = (y - GROUND) / 13 + 2.5
        for x in np.arange(p.rng.uniform(-high * 3, 0), 1280, high * 3.4):
            if p.rng.random() < 0.34:
                stone = block(x, y, x + high * 3.1, y + high, high * 0.42)
                p.paint(stone, p.rng.choice(["#fff4da70", "#b08a7858", "#8f7a8c48", "#fff4da50"]))
        y += high * 1.25
    p.paint(block(-2, GROUND - 1, 1282, GROUND + 26), "#4a3a6470 #4a3a6400", angle=90)


def bunting(p: Painting, line) -> None:
    p.paint(stroke(line, 2.2), "#7a5a54")
    for number, (x, y) in enumerate(line[6::6]):
        flag = moved(path("-9,0 9,0 | 2,24 -9,0"), x, y)
        p.paint(
            flag, ("#ff8f81 #e84a4a", "#ffe08a #f0a01c", "#7fd6cc #1f9c98", "#fffdf4 #ecd9bc")[number % 4], relief=3
        )


def tree(p: Painting, x, base, size) -> None:
    """Leaves in clumps on a round crown, painted from the shaded side to the lit one."""
    p.paint(ellipse(x + 110, base + 6, 190, 24), "#4a3a6480 #4a3a6458 #4a3a6400", focus=CENTRE)
    trunk = moved(smooth("-24,6 -11,-60 -12,-220 12,-220 11,-60 26,6"), x, base)
    p.paint(trunk, "#b98a62 #8a5a42 #5f3c36", angle=10, relief=5)
    turn, reach = p.rng.random((2, 60)) * [[2 * np.pi], [1]]
    spots = np.stack([np.cos(turn), np.sin(turn) * 1.1], 1) * np.sqrt(reach)[:, None]
    greens = ["#3f8a60 #256052", "#57a060 #2f7458", "#78b862 #43905c", "#a2d070 #5fae60", "#cfe88a #86c466"]
    for spot in spots[np.argsort(spots @ (-0.5, -0.85))]:
        tone = 2.2 + 2.2 * (spot @ (-0.5, -0.85))
        clump = moved(ellipse(0, 0, size * 0.3, size * 0.26), x, base - 2.2 * size) + spot * size
        p.paint(clump, greens[int(np.clip(tone, 0, 4))], relief=4)


def lamp(p: Painting, x, base) -> None:
    p.paint(ellipse(x + 46, base + 4, 80, 9), "#4a3a6480 #4a3a6400", focus=CENTRE)
    p.paint(stroke([(x, base), (x, base - 262)], 15, 8), "#5f7a8c #34485f #22304a", angle=0, relief=2)
    p.paint(moved(mirrored("0,-14 20,-12 26,4", 0), x, base), "#4f6a80 #22304a", relief=4)
    p.paint(ellipse(x, base - 292, 60, 60), "#fff0b890 #fff0b800", focus=CENTRE)
    p.paint(moved(path("-22,-318 22,-318 | 14,-262 -14,-262"), x, base), "#fffbe0e0 #ffe39ae0 #f5b95ae0", relief=4)
    p.paint(moved(path("-28,-316 0,-346 | 28,-316 -28,-316"), x, base), "#4f6a80 #22304a", relief=4)
    p.paint(block(x - 17, base - 266, x + 17, base - 256, 3), "#4f6a80 #22304a", relief=2)
