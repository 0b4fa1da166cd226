"""The FFGo Evaluate Clip node."""

import hashlib

import torch
from comfy_api.latest import io, ui

from ...ffgo.errors import FFGOError
from ...ffgo.evaluation.compared import ClipScores, describe_scores
from ...ffgo.evaluation.embedding import clip_vision_embedder
from ...ffgo.evaluation.measures import Tools, Wanted, features, measure_clip
from ...ffgo.evaluation.strips import draw_film, strip_numbers
from ...ffgo.evaluation.text import host_clip
from ...ffgo.evaluation.view import view_frames
from ...ffgo.frame.layout import MAX_SUBJECTS
from ...ffgo.pixels import on_white, require_image, to_float, to_uint8
from ...ffgo.words.phrase import without_phrase
from .._host import show_on_node
from .._types import SCORES

SUBJECTS = io.Autogrow.TemplatePrefix(io.Image.Input("subject", optional=True), "subject", min=1, max=MAX_SUBJECTS)
OTHERS = io.Autogrow.TemplatePrefix(io.Image.Input("other", optional=True), "other", min=1, max=MAX_SUBJECTS)


class EvaluateClip(io.ComfyNode):
    """Measures one clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOEvaluateClip", display_name="FFGo Evaluate Clip", category="FFGo/Evaluation",
            description="Measures a clip: are its subjects' colours and looks there, is the scene the given one, how "
            "much moves, when the composed frame is gone. What cannot be measured is undefined, never 0.",
            search_aliases=["metrics", "measure video", "score", "identity", "motion amount", "benchmark"],
            inputs=[
                io.Image.Input("frames", tooltip="The clip; best with its first frames, before Trim."),
                io.Image.Input(
                    "composed", optional=True,
                    tooltip="The composed first frame. A clip that begins with it has its transition measured.",
                ),
                io.Image.Input("background", optional=True, tooltip="The scene as it was given."),
                io.Autogrow.Input("subjects", template=SUBJECTS, tooltip="The cut-outs that the clip should show."),
                io.Autogrow.Input(
                    "others", template=OTHERS,
                    tooltip="Cut-outs of other things, at least three: the subjects are told from them. Without them "
                    "only a subject's colours are told, from its own in other hues.",
                ),
                io.ClipVision.Input(
                    "clip_vision", optional=True,
                    tooltip="A vision model to look at subjects with (Load CLIP Vision): CLIP-H, SigLIP, DINOv2 large.",
                ),
                io.Float.Input(
                    "fps", default=16.0, min=0.01, max=1000.0, step=0.01, optional=True,
                    tooltip="Frames per second of the clip; motion is per second. Wan2.2 makes 16.",
                ),
                io.String.Input(
                    "prompt", default="", multiline=True, dynamic_prompts=False, optional=True,
                    tooltip="What the clip should show. Read sentence by sentence, without the transition phrase.",
                ),
                io.Clip.Input(
                    "clip", optional=True,
                    tooltip="For the prompt: the text half of the CLIP model in clip_vision (Load CLIP: clip_l for "
                    "CLIP ViT-L). Not the video model's text encoder.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="report", tooltip="Every score in a line."),
                SCORES.Output(display_name="scores", tooltip="For FFGo Compare Clips."),
                io.Image.Output(display_name="strip", tooltip="Eight frames of what was measured, side by side."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls, frames, composed=None, background=None, subjects=None, others=None, clip_vision=None, fps=16.0,
        prompt="", clip=None,
    ) -> io.NodeOutput:  # fmt: skip
        require_image(frames, "frames")
        embedder = clip_vision_embedder(clip_vision) if clip_vision is not None else None
        text = host_clip(clip, clip_vision) if clip is not None and clip_vision is not None else None
        wanted = Wanted(
            without_phrase(prompt) if prompt.strip() else "",
            composed=_picture(composed, "composed"), background=_picture(background, "background"),
            subjects=_looked_at(subjects, embedder), foils=_looked_at(others, embedder),
        )  # fmt: skip
        view = view_frames(frames, fps, wanted.composed, "auto")
        found = ClipScores(tuple(measure_clip(view, wanted, Tools(embedder, text))))
        lines = describe_scores(found)
        film = draw_film([to_uint8(frames[number, ..., :3]) for number in strip_numbers(len(frames), view.dropped)])
        strip = torch.from_numpy(to_float(film))[None]
        show_on_node(cls, lines)
        shown = ui.PreviewImage(strip, cls=cls).as_dict()
        shown["text"] = lines
        return io.NodeOutput("\n".join(lines), found, strip, ui=shown)


def _picture(image, name: str):
    """One picture, transparency on white; None where nothing is connected. Raises: FFGOError for a batch."""
    if image is None:
        return None
    require_image(image, name)
    if len(image) != 1:
        raise FFGOError(f"{name} holds {len(image)} pictures; one is wanted. Pick it with Image From Batch.")
    return on_white(image)


def _looked_at(pictures, embedder) -> list:
    """The cut-outs that are connected; equal ones are known by their pixels."""
    found = []
    for name, batch in (pictures or {}).items():
        if batch is not None:
            require_image(batch, name)
            for number, one in enumerate(batch, 1):
                digest = hashlib.sha256(to_uint8(one).tobytes()).hexdigest()
                called = name if len(batch) == 1 else f"{name} ({number})"
                found.append(features(called, digest, one[None], embedder))
    return found
