"""One picture that tells what FFGo does with a clip."""

from PIL import Image, ImageDraw

from ffgo.charts import ALARM, FAINT, PAPER, SUBJECTS, write

WIDTH, MARGIN, GAP = 1280, 24, 12
KEPT = 4


def draw_story(
    first_frame: Image.Image, layout: dict, frames: list[Image.Image], dropped: int, notice: str, *, number: int = 1
) -> Image.Image:
    """The composed frame with its subjects' boxes, the dropped frames crossed out, and some of those that are kept.

    layout: the canvas node's JSON; frames: all decoded frames, the dropped ones first; number: of the first heading.
    """
    big = _fit(first_frame, round((WIDTH - 2 * MARGIN) * min(1, 9 / 16 * first_frame.width / first_frame.height)))
    small = (WIDTH - 2 * MARGIN - (KEPT - 1) * GAP) // KEPT
    row = round(small * frames[0].height / frames[0].width)
    page = Image.new("RGB", (WIDTH, 4 * MARGIN + big.height + 2 * (row + 60) + 60), PAPER.ground)
    draw = ImageDraw.Draw(page)

    count = len(layout["subjects"])
    y = _line(draw, MARGIN, f"{number}  The first frame: {count} subjects on the left, the background on the right")
    page.paste(big, (MARGIN, y))
    draw.rectangle([(MARGIN - 1, y - 1), (MARGIN + big.width, y + big.height)], outline=FAINT)
    _draw_boxes(draw, layout, (MARGIN, y), big.width / layout["canvas"]["width"])
    y += big.height + GAP

    says = f"Dropped: the first {dropped} frames; with trained models they still show the composed frame"
    y = _line(draw, y, f"{number + 1}  {says}")
    for index, frame in enumerate(frames[:dropped][:KEPT]):
        x = MARGIN + index * (small + GAP)
        page.paste(Image.blend(_fit(frame, small), Image.new("RGB", (small, row), PAPER.ground), 0.45), (x, y))
        draw.line([(x, y), (x + small, y + row)], fill=ALARM, width=4)
    y += row + GAP

    shown = [dropped + round(index * (len(frames) - 1 - dropped) / (KEPT - 1)) for index in range(KEPT)]
    named = ", ".join(map(str, shown[:-1]))
    y = _line(draw, y, f"{number + 2}  Kept: frames {dropped} to {len(frames) - 1}; here {named} and {shown[-1]}")
    for index, frame in enumerate(shown):
        page.paste(_fit(frames[frame], small), (MARGIN + index * (small + GAP), y))
    write(draw, (MARGIN, y + row + GAP), notice, 20, ALARM)
    return page.crop((0, 0, WIDTH, y + row + GAP + 26 + MARGIN))


def draw_rows(rows: list[tuple[str, list[Image.Image]]]) -> Image.Image:
    """Headings, numbered from 1, each with a row of pictures below it; what is transparent shows as a chequer."""
    small = (WIDTH - 2 * MARGIN - 2 * GAP) // 3
    strips = [(words, [_fit(_on_chequer(picture), small) for picture in pictures]) for words, pictures in rows]
    heights = [38 + max(picture.height for picture in pictures) + GAP for _, pictures in strips]
    page = Image.new("RGB", (WIDTH, MARGIN + sum(heights)), PAPER.ground)
    draw = ImageDraw.Draw(page)
    top = MARGIN
    for number, ((words, pictures), height) in enumerate(zip(strips, heights, strict=True), 1):
        y = _line(draw, top, f"{number}  {words}")
        for column, picture in enumerate(pictures):
            x = MARGIN + column * (small + GAP)
            page.paste(picture, (x, y))
            draw.rectangle([(x, y), (x + picture.width - 1, y + picture.height - 1)], outline=FAINT)
        top += height
    return page


def stacked(pages: list[Image.Image]) -> Image.Image:
    """Pages of the story, one below the other."""
    whole = Image.new("RGB", (WIDTH, sum(page.height for page in pages)), PAPER.ground)
    y = 0
    for page in pages:
        whole.paste(page, (0, y))
        y += page.height
    return whole


def _on_chequer(picture: Image.Image, cell: int = 32) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    size = picture.width // cell + 1, picture.height // cell + 1
    cells = Image.new("L", size)
    cells.putdata([255 if (i % size[0] + i // size[0]) % 2 else 214 for i in range(size[0] * size[1])])
    ground = cells.resize((size[0] * cell, size[1] * cell), Image.Resampling.NEAREST).crop((0, 0, *picture.size))
    ground = ground.convert("RGB")
    ground.paste(picture, mask=picture)
    return ground


def _draw_boxes(draw: ImageDraw.ImageDraw, layout: dict, origin: tuple[int, int], scale: float) -> None:
    for number, subject in enumerate(layout["subjects"], 1):
        colour = SUBJECTS[(number - 1) % len(SUBJECTS)]
        box = subject["box"]
        x, y = origin[0] + box["x"] * scale, origin[1] + box["y"] * scale
        corner = (x + box["width"] * scale - 1, y + box["height"] * scale - 1)
        draw.rectangle([(x, y), corner], outline=colour, width=3)
        write(draw, (x + 8, y + 6), f"{number}: {subject['pixels']:,.0f} px", 18, colour)


def _line(draw: ImageDraw.ImageDraw, y: int, text: str) -> int:
    write(draw, (MARGIN, y), text, 24)
    return y + 38


def _fit(image: Image.Image, width: int) -> Image.Image:
    # Small pictures show their pixels, as they are.
    resampling = Image.Resampling.NEAREST if width >= 4 * image.width else Image.Resampling.LANCZOS
    return image.resize((width, round(width * image.height / image.width)), resampling)
