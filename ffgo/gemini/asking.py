"""The four things that Gemini is asked for: elements, a clean plate, a caption, a better prompt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import flatten_on_white, require_image, to_float, to_uint8
from .answer import Answer
from .ask import Desk, ask_all
from .ledger import cost
from .models import ONE_SIZE_MODELS, PRICES_FROM, nearest_aspect_ratio
from ..words.templates import CAPTION, ELEMENT, ELEMENTS, ENHANCE, EXTRACT, PROMPT, REMOVE, fill, read_caption
from .request import Clip, Picture, Request

if TYPE_CHECKING:
    from ..cutout.subject import AskSAM2
    from ..curation.plate import Plate

MOST_ELEMENTS = 16
WHITE = 0.98
"""Least brightness, 0..1, of what counts as white ground."""


@dataclass(frozen=True)
class Asking:
    """How to ask: the same for all four tasks."""

    model: str
    template: str = ""
    """The task's own template where empty."""
    seed: int = 0
    resolution: str = "1K"
    """Of pictures: 1K, 2K or 4K."""


@dataclass(frozen=True)
class Extraction:
    """Elements of a photo, each on its own picture."""

    images: Tensor
    """(N, H, W, 3): one for each name, all of the photo's size, on white."""
    names: list[str]
    report: list[str]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Removal:
    """A photo without its elements."""

    image: Tensor
    """(1, H, W, 3): equal to the photo, bit for bit, where `mask` is 0."""
    mask: Tensor
    """(1, H, W): 1 where the picture is not the photo's."""
    mapping: dict[str, object]
    """How the model's picture lies on the photo; empty offline."""
    report: list[str]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Words:
    """A caption or a prompt."""

    text: str
    report: list[str]
    warnings: list[str] = field(default_factory=list)


def read_elements(text: str) -> list[str]:
    """The names in a list of one per line, without bullets and repetitions. Raises FFGOError if there is none."""
    lines = (line.strip().lstrip("-*•").strip() for line in text.splitlines())
    names = list(dict.fromkeys(line for line in lines if line))
    if not names:
        raise FFGOError("elements is empty. Write what to look for, one per line, such as: the red toy robot")
    if len(names) > MOST_ELEMENTS:
        raise FFGOError(f"elements has {len(names)} lines; the most are {MOST_ELEMENTS}.")
    return names


def extract(image: Tensor, elements: str, asking: Asking, desk: Desk) -> Extraction:
    """Ask for a picture of each element alone. image (1, H, W, 3 or 4); elements one per line.

    Raises FFGOError for bad input, AnswerError, NoAccessError and CancelledError as `ask_all` does.
    """
    names, photo = read_elements(elements), _photo(image, "image")
    height, width = photo.shape[:2]
    requests = [
        _picture_request("extract", name, photo, asking, fill(asking.template or EXTRACT, ELEMENT, name))
        for name in names
    ]
    answers = ask_all(requests, desk)
    report, warnings, pictures = [], list(desk.warnings), []
    for name, answer in zip(names, answers, strict=True):
        returned = _opened(answer)
        fitted, ground = _fitted(returned, width, height)
        pictures.append(fitted)
        report.append(f"{name}: {returned.width}x{returned.height} px from the model, fitted into {width}x{height}")
        if ground.min() < WHITE:
            shown = ", ".join(str(round(255 * value)) for value in ground)
            warnings.append(f"{name}: the ground is not white but ({shown}). Try another seed or edit the template.")
    images = torch.from_numpy(np.stack(pictures))
    return Extraction(images, names, [*report, *_bill(requests, answers, desk)], warnings)


def extract_offline(
    image: Tensor, elements: str, masks: Tensor | None, *, places: str = "", ask: "AskSAM2 | None" = None
) -> Extraction:
    """Cut each element out of the photo and put it on white instead.

    masks (N, h, w), one for each element, 1 = element, may be coarse; places: a line for each element, where it is,
    for SAM2 (`ask`). Raises FFGOError where neither says where each element is.
    """
    from ..curation.element import element_on_white

    names, photo = read_elements(elements), _photo(image, "image")
    rgb = torch.from_numpy(photo.astype(np.float32) / 255)[None]
    if masks is None and not places.strip():
        raise FFGOError(
            "Offline, an element is cut out by a mask. Connect masks, one for each line of elements; or connect a SAM2 "
            "Loader to sam2 and write into places where each element is."
        )
    shapes = [None] * len(names) if masks is None else list(_one_each(masks, names, photo))
    where = [("", "")] * len(names) if not places.strip() else _read_places(places, names)
    pictures, warnings = [], []
    for name, shape, (points, boxes) in zip(names, shapes, where, strict=True):
        picture, said = element_on_white(rgb, shape, points=points, boxes=boxes, ask=ask)
        pictures.append(picture)
        warnings += [f"{name}: {line}" for line in said]
    note = "Gemini was not asked: the elements are cut out of the photo, and what is hidden stays hidden."
    how = "by SAM2" if ask else "by its mask"
    return Extraction(torch.cat(pictures), names, [f"{name}: {how}" for name in names], [note, *warnings])


def _one_each(masks: Tensor, names: list[str], photo: np.ndarray) -> Tensor:
    if len(masks) != len(names):
        raise FFGOError(f"masks holds {len(masks)} masks for {len(names)} elements. Give one mask for each element.")
    shapes = _sized(masks, *photo.shape[:2])
    if empty := [name for name, shape in zip(names, shapes, strict=True) if shape.max() <= 0.5]:
        raise FFGOError(f"The mask of {', '.join(empty)} is empty. White marks what to keep.")
    return shapes[:, None]


def _read_places(places: str, names: list[str]) -> list[tuple[str, str]]:
    """Points and boxes of each element, as JSON; a line of four plain numbers is a box."""
    lines = [line.strip() for line in places.splitlines() if line.strip()]
    if len(lines) != len(names):
        raise FFGOError(f"places has {len(lines)} lines for {len(names)} elements. Write one line for each element.")
    is_box = [line.startswith("[") and not line.startswith("[[") and line.count(",") == 3 for line in lines]
    return [("", f"[{line}]") if box else (line, "") for line, box in zip(lines, is_box, strict=True)]


def remove(image: Tensor, elements: str, mask: Tensor | None, asking: Asking, desk: Desk) -> Removal:
    """Ask for the photo without the elements, and bring the answer back onto the photo.

    image (1, H, W, 3 or 4); mask (1, h, w) or None, > 0 where pixels may change. Raises as `extract`.
    """
    from ..curation.plate import restore_plate  # and with it what takes long to load

    names, photo = read_elements(elements), _photo(image, "image")
    where = None if mask is None else _hole(mask, photo)
    prompt = fill(asking.template or REMOVE, ELEMENTS, "; ".join(names))
    request = _picture_request("remove", ", ".join(names), photo, asking, prompt)
    (answer,) = ask_all([request], desk)
    returned = _opened(answer)
    exact = _rgb(image)[0].numpy(force=True)
    plate = restore_plate(exact, np.asarray(returned), photo, where)
    report = [_mapped(plate, returned), *_bill([request], [answer], desk)]
    mapping = _mapping(plate, returned)
    return Removal(*_tensors(plate.pixels, plate.mask), mapping, report, [*desk.warnings, *plate.warnings])


def remove_offline(image: Tensor, mask: Tensor | None) -> Removal:
    """Fill the mask smoothly from its edge instead: a preview. mask (1, h, w), > 0 = fill."""
    from ..curation.harmonic import harmonic_fill

    photo = _photo(image, "image")
    if mask is None:
        raise FFGOError("Offline, what the mask marks is filled from around. Connect a mask of the elements.")
    where = _hole(mask, photo)
    pixels = harmonic_fill(_rgb(image)[0].numpy(force=True), where)
    note = (
        "Gemini was not asked: the mask is filled smoothly from its edge, which is a preview and no real background. "
        "For a real one give a photo without the elements, or use an inpainting model."
    )
    return Removal(*_tensors(pixels, where), {}, [f"filled {where.mean():.1%} of the photo"], [note])


def caption(
    frames: Tensor, pictures: Sequence[Tensor], asking: Asking, desk: Desk, *, fps: float, looks: float
) -> Words:
    """Ask for a caption of a clip. frames (N, H, W, 3); fps of the clip; `looks` frames of each second are looked at.

    pictures: (1, H, W, 3 or 4) each, the components. Raises as `extract`.
    """
    require_image(frames, "the clip")
    clip = Clip(to_uint8(_rgb(frames)), fps, min(looks, fps, 24.0))
    media = (*(Picture(_photo(picture, "a picture")) for picture in pictures), clip)
    return _words("caption", asking.template or CAPTION, media, asking, desk)


def enhance(prompt: str, pictures: Sequence[Tensor], asking: Asking, desk: Desk) -> Words:
    """Ask for a richer prompt. pictures: (1, H, W, 3 or 4) each, the components. Raises as `extract`."""
    if not prompt.strip():
        raise FFGOError("The prompt is empty. Write what shall happen in the video.")
    media = tuple(Picture(_photo(picture, "a picture")) for picture in pictures)
    return _words("enhance", fill(asking.template or ENHANCE, PROMPT, prompt.strip()), media, asking, desk)


def caption_offline(draft: str) -> Words:
    """Pass on a caption that somebody else wrote. Raises FFGOError if there is none."""
    if not draft.strip():
        raise FFGOError(
            "Offline, the caption is what is in draft: type it, or connect the Generate Text node with a local model."
        )
    return Words(draft.strip(), [], ["Gemini was not asked: the caption is the draft."])


def enhance_offline(prompt: str) -> Words:
    """Pass on the prompt as it is. Raises FFGOError if it is empty."""
    if not prompt.strip():
        raise FFGOError("The prompt is empty. Write what shall happen in the video.")
    note = (
        "Gemini was not asked: the prompt is passed on as it is. The Generate Text node can enhance it with a local "
        "model."
    )
    return Words(prompt.strip(), [], [note])


def _words(task: str, prompt: str, media: tuple[Picture | Clip, ...], asking: Asking, desk: Desk) -> Words:
    request = Request(task, task, _model(asking.model), prompt, media, "text", seed=asking.seed)
    (answer,) = ask_all([request], desk)
    text = read_caption(answer.data.decode())
    return Words(text, _bill([request], [answer], desk), list(desk.warnings))


def _picture_request(task: str, subject: str, photo: np.ndarray, asking: Asking, prompt: str) -> Request:
    height, width = photo.shape[:2]
    model = _model(asking.model)
    resolution = "" if model in ONE_SIZE_MODELS else asking.resolution
    ratio = nearest_aspect_ratio(width, height)
    return Request(task, subject, model, prompt, (Picture(photo),), "picture", ratio, resolution, asking.seed)


def _model(name: str) -> str:
    if not name.strip():
        raise FFGOError("No model is chosen. Pick one, or write its id into custom_model.")
    return name.strip().removeprefix("models/")


def _photo(image: Tensor, name: str) -> np.ndarray:
    """The one picture of an IMAGE as (H, W, 3) uint8; transparency becomes white."""
    require_image(image, name)
    if len(image) != 1:
        raise FFGOError(
            f"{name} holds {len(image)} pictures; this takes one at a time. Pick one with Image From Batch."
        )
    return np.asarray(flatten_on_white(Image.fromarray(to_uint8(image[0]))))


def _rgb(image: Tensor) -> Tensor:
    """(B, H, W, 3) float32 on white; RGB comes back as it is, to the last bit."""
    image = image.float()
    if image.shape[3] == 3:
        return image
    alpha = image[..., 3:]
    return image[..., :3] * alpha + (1 - alpha)


def _sized(masks: Tensor, height: int, width: int) -> Tensor:
    """Masks (N, h, w) at another size, 0..1, on the CPU."""
    masks = masks.float().cpu().clamp(0, 1)
    if masks.shape[1:] == (height, width):
        return masks
    return torch.nn.functional.interpolate(masks[None], size=(height, width), mode="bilinear", antialias=True)[0]


def _hole(mask: Tensor, photo: np.ndarray) -> np.ndarray:
    """Where a MASK lets pixels change, (H, W) bool. Several masks count as one."""
    height, width = photo.shape[:2]
    if abs(mask.shape[2] * height / (mask.shape[1] * width) - 1) > 0.02:
        raise FFGOError(
            f"The mask is {mask.shape[2]}x{mask.shape[1]} px and the photo {width}x{height}: another shape. "
            "Give the mask of this photo."
        )
    where = (_sized(mask, height, width).amax(0) > 0.004).numpy()
    if not where.any():
        raise FFGOError("The mask is empty: nothing may change. White marks what to remove.")
    if where.all():
        raise FFGOError("The mask covers the whole photo, so nothing of it would stay. White marks what to remove.")
    return where


def _opened(answer: Answer) -> Image.Image:
    return flatten_on_white(_upright(Image.open(BytesIO(answer.data))))


def _upright(picture: Image.Image) -> Image.Image:
    return picture.convert("RGBA" if "A" in picture.getbands() or "transparency" in picture.info else "RGB")


def _fitted(picture: Image.Image, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture as large as fits, centred on its own ground, and the ground's colour; float32 0..1."""
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    inner = to_float(picture.resize(size, Image.Resampling.LANCZOS))
    ground = np.median(np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]]), axis=0)
    canvas = np.broadcast_to(ground, (height, width, 3)).astype(np.float32)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = inner
    return canvas, ground


def _tensors(pixels: np.ndarray, mask: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(pixels)[None], torch.from_numpy(mask.astype(np.float32))[None]


def _mapping(plate: "Plate", returned: Image.Image) -> dict[str, object]:
    found = plate.registration
    return {
        "matrix": found.matrix.round(5).tolist(),
        "bend_px": round(float(np.abs(found.bend).max()), 2),
        "score": round(found.score, 3),
        "error_px": round(found.error_px, 2) if np.isfinite(found.error_px) else None,
        "same_scene": found.same_scene,
        "returned_size": list(returned.size),
        "size": [plate.pixels.shape[1], plate.pixels.shape[0]],
        "replaced": round(float(plate.mask.mean()), 4),
    }


def _mapped(plate: "Plate", returned: Image.Image) -> str:
    (xx, _, x), (_, yy, y) = plate.registration.matrix
    text = (
        f"{returned.width}x{returned.height} px from the model; scale {xx:.3f} x {yy:.3f}, shift {x:.1f}, {y:.1f} px; "
    )
    return f"{text}score {plate.registration.score:.2f}; {plate.mask.mean():.1%} of the photo replaced"


def _bill(requests: Sequence[Request], answers: Sequence[Answer], desk: Desk) -> list[str]:
    """What it took, and all that the ledger knows."""
    asked = [(r, a) for r, a in zip(requests, answers, strict=True) if not a.cached]
    known = len(answers) - len(asked)
    prices = [cost(request.model, answer.usage) for request, answer in asked]
    tokens = sum(answer.usage.total for _, answer in asked)
    price = "price not known" if None in prices else f"about ${sum(p for p in prices if p is not None):.4f}"
    now = f"asked {len(asked)} ({tokens} tokens, {price}), {known} from the cache"
    total = desk.ledger.sum()
    unpriced = f" without {total.unpriced} of unknown price" if total.unpriced else ""
    return [now, f"so far {total.calls} calls, about ${total.dollars:.2f}{unpriced} ({PRICES_FROM})"]
