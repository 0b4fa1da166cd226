"""The FFGo Prior Clips node."""

from comfy.utils import ProgressBar
from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.dataset.encoders import host_encoders
from ...ffgo.dataset.generated import GeneratedClip, keep_generated
from ...ffgo.dataset.sizing import PUBLISHED_FRAMES
from ...ffgo.host.loading import latent_format
from .._host import show_on_node
from .._types import ENCODED_DATASET
from ..dataset._folders import dataset_folder, shown_progress, stop_if_cancelled
from ._firsts import first_pictures, prompts_of
from ._prior import Generator
from ._size import size_inputs

MOST = 200
STEPS, CFG = 24, 3.5


class PriorClips(io.ComfyNode):
    """What the experts make by themselves, so that they do not forget it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOPriorClips",
            display_name="FFGo Prior Clips",
            category="FFGo/Concept",
            description="Lets both experts make clips of everyday prompts, before they learn anything, and keeps them "
            "for training: learned beside a concept, they keep the experts from forgetting the rest of the world.",
            search_aliases=["regularisation", "class images", "prior preservation", "set and sequence"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                io.Model.Input("model_high", tooltip="The high-noise expert, without any LoRA."),
                io.Model.Input("model_low", tooltip="The low-noise expert, without any LoRA."),
                io.Vae.Input("vae", tooltip="The Wan 2.1 VAE."),
                io.Clip.Input("clip", tooltip="The umT5-XXL text encoder."),
                io.String.Input(
                    "prompts", multiline=True, default="A dog on a meadow. It runs.\nA woman in a room. She waves.",
                    tooltip="One a line: how it looks, then how it moves. Of the concept's kind, but not the concept.",
                ),
                io.Image.Input(
                    "first_frames", optional=True,
                    tooltip="What the clips begin with, taken in turn: plates, if the concept is learned on plates. "
                    "Nothing: scenes of two colours.",
                ),
                io.String.Input(
                    "name", default="my_prior", optional=True, tooltip="Folder below output/encoded_datasets.",
                ),
                io.Int.Input("count", default=8, min=1, max=MOST, optional=True, tooltip="How many clips."),
                *size_inputs(),
                io.Int.Input("steps", default=STEPS, min=2, max=200, optional=True, tooltip="Sampling steps of each."),
                io.Float.Input("cfg", default=CFG, min=1.0, max=20.0, step=0.1, optional=True, tooltip="Guidance."),
                io.Int.Input("seed", default=42, min=0, max=2**53, optional=True, control_after_generate=False,
                             tooltip="Of the first clip; each other one has the next."),
            ],
            outputs=[ENCODED_DATASET.Output(display_name="prior", tooltip="For FFGo Train Concept.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model_high, model_low, vae, clip, prompts="", first_frames=None, name="my_prior", count=8,
        width=DEFAULT.size[0], height=DEFAULT.size[1], frames=PUBLISHED_FRAMES, steps=STEPS, cfg=CFG, seed=42,
    ) -> io.NodeOutput:  # fmt: skip
        folder, texts = dataset_folder(name, "encoded_datasets"), prompts_of(prompts)
        bucket, pictures = first_pictures(first_frames, width, height, frames)
        bar = ProgressBar(steps * count)

        def step() -> None:
            bar.update(1)
            stop_if_cancelled()

        generator = Generator(model_high, model_low, vae, clip, steps, cfg, step)
        clips = []
        for i in range(count):
            text, (digest, picture), own = texts[i % len(texts)], pictures[i % len(pictures)], seed + i
            clips.append(
                GeneratedClip(
                    f"prior {i}", text, [*generator.key, digest, own], bucket, picture,
                    lambda text=text, picture=picture, own=own: generator.make(text, picture, frames, own),
                )
            )  # fmt: skip
        encoders = host_encoders(vae, clip, latent_format())
        prior = keep_generated(clips, encoders, folder, progress=shown_progress())
        lines = [f"{len(prior)} clips are in {folder}; {prior.encoded} were made now."]
        show_on_node(cls, lines)
        return io.NodeOutput(prior, ui={"text": lines})
