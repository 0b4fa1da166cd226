"""The FFGo Train Expert LoRA node."""

from comfy_api.latest import io, ui

from ...ffgo.bases.base import Expert
from ...ffgo.bases.catalogue import expert_names
from ...ffgo.training.presets import PRESETS
from ...ffgo.training.recipe import Recipe, parse_toml, with_values
from .._types import ENCODED_DATASET, LORA_MODEL, LOSS_MAP
from ._run import AUTO, curve_of, loss_map, recipe_of, train_on_host, widget

PLAIN = Recipe()


class TrainExpertLoRA(io.ComfyNode):
    """Trains the LoRA of one expert."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOTrainExpertLoRA",
            display_name="FFGo Train Expert LoRA",
            category="FFGo/Training",
            description="Trains a LoRA for one of Wan2.2's experts, on its side of the boundary only. Cancel saves; "
            "queued again with the same name it goes on, to the last bit. One node for each expert.",
            search_aliases=["train lora", "wan lora training", "fine tune", "ffgo training"],
            is_output_node=True,
            has_intermediate_output=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                io.Model.Input("model", tooltip="The expert to train, straight from Load Diffusion Model."),
                ENCODED_DATASET.Input("dataset", tooltip="From FFGo Encode Dataset."),
                io.Combo.Input(
                    "expert", options=list(expert_names()), tooltip="Which expert `model` is: high or low noise.",
                ),
                io.String.Input(
                    "name", default="my_ffgo", optional=True,
                    tooltip="Of the run. The file is output/loras/<name>_high.safetensors or ..._low.safetensors.",
                ),
                io.Combo.Input(
                    "preset", options=[AUTO, *PRESETS], default=AUTO, optional=True,
                    tooltip="What saves memory, by the card's size. auto: by the card that is there.",
                ),
                *_settings(),
                io.String.Input(
                    "recipe", default="", multiline=True, optional=True,
                    tooltip="Anything else as TOML, one `name = value` a line. What stands here wins over the widgets.",
                ),
                ENCODED_DATASET.Input(
                    "prior", optional=True,
                    tooltip="Examples of what the expert shall not forget; set prior_weight in the recipe.",
                ),
            ],
            outputs=[
                LORA_MODEL.Output(display_name="lora", tooltip="For Load LoRA Model, Save Expert LoRA or SaveLoRA."),
                LOSS_MAP.Output(display_name="loss_map", tooltip="The mean loss of every step, for Plot Loss Graph."),
                io.String.Output(display_name="path", tooltip="The finished file."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, dataset, expert: Expert, name="my_ffgo", preset=AUTO, steps=PLAIN.steps, rank=PLAIN.rank,
        learning_rate=PLAIN.learning_rate, batch_size=PLAIN.batch_size, accumulation=PLAIN.accumulation,
        seed=PLAIN.seed, save_every=PLAIN.save_every, preview_every=100, recipe="", prior=None,
    ) -> io.NodeOutput:  # fmt: skip
        widgets = {
            "steps": steps, "rank": rank, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed,
            "accumulation": accumulation, "save_every": save_every, "preview_every": preview_every,
        }  # fmt: skip
        chosen = with_values(recipe_of(preset, model), widgets | parse_toml(recipe))
        finished = train_on_host(cls, model, dataset, prior, expert, name, chosen)
        picture = ui.PreviewImage(curve_of(finished, expert), cls=cls).as_dict()
        return io.NodeOutput(finished.lora, loss_map(finished), str(finished.path), ui=picture)


def _settings() -> list[io.Input]:
    """The recipe's fields that have a widget."""
    return [
        io.Int.Input("steps", **widget("steps"), optional=True, tooltip="The released LoRA has 600."),
        io.Int.Input(
            "rank", **widget("rank"), optional=True,
            tooltip="Of the LoRA; 128 as in the paper. Its alpha is the same.",
        ),
        io.Float.Input(
            "learning_rate", **widget("learning_rate", min=0.0, max=1.0), step=1e-6, round=False, optional=True,
            tooltip="1e-4 as in the paper.",
        ),
        io.Int.Input(
            "batch_size", **widget("batch_size"), optional=True,
            tooltip="Examples at once. More needs more memory and is hardly faster.",
        ),
        io.Int.Input(
            "accumulation", **widget("accumulation"), optional=True,
            tooltip="Batches for one step; batch_size x accumulation is 4 in the paper.",
        ),
        io.Int.Input(
            "seed", **widget("seed"), optional=True, control_after_generate=False,
            tooltip="Of all random numbers. One run keeps one seed.",
        ),
        io.Int.Input(
            "save_every", **widget("save_every"), optional=True,
            tooltip="Steps between checkpoints. The last 3 and the best are kept.",
        ),
        io.Int.Input(
            "preview_every", **widget("preview_every", default=100), optional=True,
            tooltip="Steps between previews of the first example on this node; 0 = none.",
        ),
    ]  # fmt: skip
