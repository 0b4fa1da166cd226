"""The Gemini Caption node."""

from comfy_api.latest import io

from ...ffgo.errors import FFGOError
from ...ffgo.gemini.models import TEXT_MODELS
from ...ffgo.words.templates import CAPTION
from ...ffgo.words.write import Words, caption, caption_offline
from .._gemini import TIMEOUT_S, Mode, ask_or_do_without, asking_inputs, chosen, has_access, one_by_one, pictures_input
from .._host import show_on_node


class GeminiCaption(io.ComfyNode):
    """Describes a clip around the things that are shown in it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOGeminiCaption",
            display_name="Gemini Caption",
            category="FFGo/Gemini",
            description="Has Gemini caption a clip for training, around the elements that you show it. The transition "
            "phrase is not part of the caption: Transition Prompt adds it. Each answer is paid once and kept.",
            search_aliases=["caption video", "describe clip", "training caption", "ffgo caption"],
            inputs=[
                io.Video.Input("video", optional=True, tooltip="The clip, from Load Video. Or connect frames."),
                io.Image.Input("frames", optional=True, tooltip="The frames of the clip, if no video is connected."),
                pictures_input("What the caption shall be about: the cut-outs and the background."),
                *asking_inputs(TEXT_MODELS, CAPTION, "it passes on the text in draft."),
                io.Float.Input(
                    "fps", default=16.0, min=0.1, max=240.0, step=0.01, optional=True,
                    tooltip="Frames per second of frames. A video knows its own.",
                ),
                io.Float.Input(
                    "looks", default=4.0, min=0.1, max=24.0, step=0.1, optional=True, advanced=True,
                    tooltip="How many frames of each second Gemini looks at. More sees fast motion and costs more.",
                ),
                io.String.Input(
                    "draft", default="", multiline=True, dynamic_prompts=False, optional=True,
                    tooltip="Offline only: the caption itself, typed or from the Generate Text node.",
                ),
            ],
            outputs=[io.String.Output(display_name="caption", tooltip="The caption, without the transition phrase.")],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, **_) -> bool:
        return has_access()

    @classmethod
    def execute(
        cls, video=None, frames=None, pictures=None, model=TEXT_MODELS[0], custom_model="", template=CAPTION,
        variant=0, mode: Mode = "auto", timeout=TIMEOUT_S, fps=16.0, looks=4.0, draft="",
    ) -> io.NodeOutput:  # fmt: skip
        asking = chosen(model, custom_model, template, variant)
        shown = one_by_one(pictures)

        def ask(desk) -> Words:
            clip, rate = _clip(video, frames, fps)
            return caption(clip, shown, asking, desk, fps=rate, looks=looks)

        result = ask_or_do_without(mode, timeout, ask, lambda: caption_offline(draft))
        show_on_node(cls, result.report, result.warnings)
        return io.NodeOutput(result.text, ui={"text": [result.text, *result.report, *result.warnings]})


def _clip(video, frames, fps: float):
    """The frames of what is connected, and how many make a second."""
    if video is not None and frames is None:
        parts = video.get_components()
        return parts.images, float(parts.frame_rate)
    if video is None and frames is not None:
        return frames, fps
    raise FFGOError("Connect the clip either to video or to frames, and not to both.")
