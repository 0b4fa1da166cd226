"""The FFGo Train Concept node."""

from comfy_api.latest import io, ui

from ...ffgo.bases.base import Expert
from ...ffgo.bases.catalogue import EXPERTS
from ...ffgo.dataset.cache import CachedDataset
from ...ffgo.lora.halves import PARTS, Part
from ...ffgo.training.concept import RANK, STEPS, concept_recipes, with_steps
from ...ffgo.training.presets import PRESETS
from ...ffgo.training.recipe import Recipe, parse_toml
from .._types import ENCODED_DATASET, LORA_MODEL
from ..training._run import AUTO, curve_of, recipe_of, train_concept_on_host, widget

PLAIN = Recipe()


class TrainConcept(io.ComfyNode):
    """Learns a concept with one expert: who it is, then how it moves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOTrainConcept",
            display_name="FFGo Train Concept",
            category="FFGo/Concept",
            description="Learns who a concept is from its stills, then how it moves from its clips, as two LoRAs that "
            "share their A. Cancel saves; queued again it goes on, to the last bit. One node for each expert.",
            search_aliases=["set and sequence", "train lora", "dreambooth video", "motion lora"],
            is_output_node=True,
            has_intermediate_output=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                io.Model.Input("model", tooltip="The expert to train, straight from Load Diffusion Model."),
                ENCODED_DATASET.Input("set", tooltip="The stills, from FFGo Encode Concept."),
                ENCODED_DATASET.Input("sequence", tooltip="The sequences, from the same node."),
                io.Combo.Input("expert", options=list(EXPERTS), tooltip="Which expert `model` is: high or low noise."),
                io.String.Input(
                    "name", default="my_concept", optional=True,
                    tooltip="Of the concept. Files: output/loras/<name>_identity_high.safetensors, and so on.",
                ),
                io.Combo.Input(
                    "preset", options=[AUTO, *PRESETS], default=AUTO, optional=True,
                    tooltip="What saves memory, by the card's size. auto: by the card that is there.",
                ),
                io.Int.Input(
                    "steps_identity", **widget("steps", default=STEPS["identity"]), optional=True,
                    tooltip="Of the first run. The paper: 600, or 150 without prior clips.",
                ),
                io.Int.Input(
                    "steps_motion", **widget("steps", default=STEPS["motion"]), optional=True,
                    tooltip="Of the second run. The paper: 900, or 400 without prior clips.",
                ),
                io.Int.Input("rank", **widget("rank", default=RANK), optional=True, tooltip="Of both LoRAs."),
                io.Int.Input(
                    "seed", **widget("seed"), optional=True, control_after_generate=False,
                    tooltip="Of all random numbers. One run keeps one seed.",
                ),
                io.String.Input(
                    "recipe", default="", multiline=True, optional=True,
                    tooltip="Anything else as TOML, one `name = value` a line; below [identity] or [motion] for one "
                    "run. What stands here wins over the widgets.",
                ),
                ENCODED_DATASET.Input(
                    "prior", optional=True, tooltip="From FFGo Prior Clips: what the expert shall not forget.",
                ),
            ],
            outputs=[
                LORA_MODEL.Output(display_name="identity", tooltip="Who it is."),
                LORA_MODEL.Output(display_name="motion", tooltip="How it moves; only beside its identity."),
                io.String.Output(display_name="paths", tooltip="The finished files, one a line."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, set, sequence, expert: Expert, name="my_concept", preset=AUTO, steps_identity=STEPS["identity"],
        steps_motion=STEPS["motion"], rank=RANK, seed=PLAIN.seed, recipe="", prior=None,
    ) -> io.NodeOutput:  # fmt: skip
        widgets = {"rank": rank, "seed": seed, "preview_every": 100}
        steps: dict[Part, int] = {"identity": steps_identity, "motion": steps_motion}
        values = widgets | with_steps(parse_toml(recipe), steps)
        recipes = concept_recipes(recipe_of(preset, model), name, expert, values, has_prior=prior is not None)
        datasets: dict[Part, CachedDataset] = {"identity": set, "motion": sequence}
        done = train_concept_on_host(cls, model, datasets, prior, expert, name, recipes)
        curve = ui.PreviewImage(curve_of(done["motion"], expert), cls=cls).as_dict()
        paths = "\n".join(str(done[part].path) for part in PARTS)
        return io.NodeOutput(*(done[part].lora for part in PARTS), paths, ui=curve | {"text": [paths]})
