"""Whose faces are in a picture, by a recogniser that the user has: dlib with two of its files, which are never brought.

dlib finds real faces that look at the camera, gives 128 numbers of each, and calls two faces the same person's where
these are less than 0.6 apart (dlib.net, dnn_face_recognition_ex).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import to_uint8

LANDMARKS, NETWORK = "shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"
SAME_PERSON = 0.6
"""Distance of two faces below which they are one person's."""
LARGEST, SMALLEST = 1280, 400
"""Pixels of the longer side: larger pictures are made smaller, and smaller ones are enlarged to find their faces."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Finds faces, and says how far apart two of them are."""

    name: str
    find: Callable[[NDArray], Sequence[NDArray]]
    """A picture (H, W, 3) uint8 to the vectors (D,) of its faces."""

    def __call__(self, picture: Tensor) -> NDArray:
        """The faces of a picture (H, W, 3), 0..1: (N, D). Raises: FFGOError where the recogniser fails."""
        try:
            found = list(self.find(_sized(to_uint8(picture[..., :3]))))
        except RuntimeError as error:
            raise FFGOError(f"The face recogniser {self.name} failed: {error}. Leave --faces out.") from error
        return np.stack(found) if found else np.empty((0, 1))


@dataclass(frozen=True, slots=True)
class FaceScore:
    """Of one face in a clip."""

    identity: float | None
    """1 less the distance to the nearest face, mean over the frames that have one; None where none has."""
    presence: float
    """Share of all frames in which it is that person: a frame without a face counts as not."""
    frames: int
    """Those with a face."""


def score_face(face: NDArray, seen: Sequence[NDArray]) -> FaceScore:
    """face (D,); seen: the faces (N, D) of each frame that is looked at."""
    nearest = [float(np.linalg.norm(faces - face, axis=1).min()) for faces in seen if len(faces)]
    same = sum(distance < SAME_PERSON for distance in nearest)
    return FaceScore(1 - float(np.mean(nearest)) if nearest else None, same / max(1, len(seen)), len(nearest))


def dlib_recogniser(folder: Path) -> Recogniser:
    """dlib's, with its files in a folder. Raises: FFGOError where dlib or a file is missing, or is none of dlib's."""
    for file in (LANDMARKS, NETWORK):
        if not (folder / file).is_file():
            raise FFGOError(
                f"{folder} has no {file}. --faces names the folder of {LANDMARKS} and {NETWORK}; "
                "docs/evaluation.md says where they come from."
            )
    try:
        import dlib  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise FFGOError(
            f"--faces needs dlib, which is not installed here ({error}): pip install dlib-bin, into this Python."
        ) from None
    detector = dlib.get_frontal_face_detector()
    try:
        shape = dlib.shape_predictor(str(folder / LANDMARKS))
        network = dlib.face_recognition_model_v1(str(folder / NETWORK))
    except RuntimeError as error:
        raise FFGOError(f"dlib cannot read its files in {folder}: {error}. Fetch them again.") from error

    def find(picture: NDArray) -> list[NDArray]:
        boxes = detector(picture, 1)
        return [np.array(network.compute_face_descriptor(picture, shape(picture, box))) for box in boxes]

    return Recogniser("dlib", find)


def recogniser_key(folder: Path | None) -> str:
    """Tells whether scores were measured with faces, and by which files."""
    return "".join(f" {file}:{(folder / file).stat().st_size}" for file in (LANDMARKS, NETWORK)) if folder else ""


def _sized(picture: NDArray) -> NDArray:
    side = max(picture.shape[:2])
    scale = min(LARGEST / side, max(1.0, SMALLEST / side))
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
