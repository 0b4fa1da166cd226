"""The Load Subject node."""

import hashlib
from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ...ffgo.cutout.matte import SHADOWS, Shadow
from ...ffgo.cutout.upload import name_of, open_upload
from ...ffgo.cutout.ways import CUT_BY, CutBy, subject_of
from ...ffgo.errors import FFGOError
from ...ffgo.frame.advice import warn_of_loaded
from ...ffgo.frame.pictures import look_at
from ...ffgo.names import path_within
from ...ffgo.pixels import to_uint8
from .._host import show_on_node
from ._editor import subject_output


def _pictures() -> list[str]:
    """The pictures right in the input folder, as Load Image lists them."""
    folder = Path(folder_paths.get_input_directory())
    files = [path.name for path in folder.glob("*") if path.is_file()]
    return sorted(folder_paths.filter_files_content_types(files, ["image"]))


def _path_of(image: str) -> Path:
    """The file that a name such as "robot.png" or "robot.png [output]" means. Raises: FFGOError."""
    name, folder = folder_paths.annotated_filepath(image)
    path = path_within(Path(folder or folder_paths.get_input_directory()), name)
    if path is None or not path.is_file():
        raise FFGOError(f"There is no picture {image!r}. Choose one that is there, or upload it.")
    return path


class LoadSubject(io.ComfyNode):
    """Loads a picture as a cut-out."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOLoadSubject", display_name="Load Subject", category="FFGo/Frame",
            description="Loads a picture as a cut-out for FFGo Compose Canvas: by its own transparency if it has some, "
            "else off the white or plain ground that it was taken on. The cut-out is shown on checks after a run.",
            search_aliases=["load image", "load cutout", "upload subject", "remove background", "transparent image"],
            inputs=[
                io.Combo.Input(
                    "image", options=_pictures(), upload=io.UploadType.image, image_folder=io.FolderType.input,
                    tooltip="One picture of one subject: a cut-out with transparency, or a photo on white or another "
                    "plain ground.",
                ),
                io.Combo.Input(
                    "cut_by", options=list(CUT_BY), default="auto", optional=True,
                    tooltip="`auto`: the picture's own alpha if a part of it is transparent, else its plain ground. "
                    "`inverted alpha`: for a subject painted in the mask editor. `plain ground`: also where the ground "
                    "is less plain. `nothing`: it stays a rectangle.",
                ),
                io.Combo.Input(
                    "shadow", options=list(SHADOWS), default="drop", optional=True, advanced=True,
                    tooltip="Off a plain ground: `drop` leaves the subject's soft shadow out, `keep` keeps it as "
                    "partly transparent black.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="cutout", tooltip="RGBA: a subject of FFGo Compose Canvas."),
                io.String.Output(display_name="name", tooltip="The name of the file, in plain words."),
            ],
            hidden=[io.Hidden.unique_id], has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, image: object) -> bool | str:  # None where it is linked, and anything from the API
        try:
            return image is None or bool(_path_of(str(image)))
        except FFGOError as error:
            return str(error)

    @classmethod
    def fingerprint_inputs(cls, image: str | None, cut_by="auto", shadow: Shadow = "drop") -> str:
        return hashlib.sha256(_path_of(image).read_bytes()).hexdigest() if image else ""

    @classmethod
    def execute(cls, image: str, cut_by: CutBy = "auto", shadow: Shadow = "drop") -> io.NodeOutput:
        path = _path_of(image)
        upload = open_upload(path, path.name)
        subject = subject_of(upload.picture, path.name, cut_by=cut_by, shadow=shadow)
        seen = look_at(path.name, to_uint8(subject.image[0]))
        warnings = [*upload.warnings, *subject.warnings, *warn_of_loaded(seen)]
        show_on_node(cls, [subject.summary], warnings)
        return io.NodeOutput(subject.image, name_of(path.name), ui=subject_output(seen, [subject.summary, *warnings]))
