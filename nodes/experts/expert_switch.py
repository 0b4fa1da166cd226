"""The Wan2.2 Expert Switch node."""

from comfy.samplers import SCHEDULER_NAMES, calculate_sigmas
from comfy_api.latest import io, ui

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.experts.schedule import split_at_boundary
from ...ffgo.experts.schedule_strip import draw_schedule
from ...ffgo.lora.noise import schedule_warnings
from .._host import show_on_node
from ._patching import trained_for_of


class WanExpertSwitch(io.ComfyNode):
    """Finds the step at which Wan2.2's low-noise expert takes over."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOWanExpertSwitch",
            display_name="Wan2.2 Expert Switch",
            category="FFGo/Experts",
            description="Finds the step at which the low-noise expert takes over, by the official rule: "
            "a step whose timestep is at or above the boundary belongs to the high-noise expert.",
            search_aliases=["wan moe switch", "boundary", "split sigmas", "high low noise"],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
            inputs=[
                io.Model.Input(
                    "model", tooltip="Either expert, after ModelSamplingSD3: its shift shapes the schedule."
                ),
                io.Int.Input(
                    "steps", default=50, min=1, max=10000, optional=True, tooltip="Steps of both experts together."
                ),
                io.Combo.Input(
                    "scheduler",
                    options=SCHEDULER_NAMES,
                    default="simple",
                    optional=True,
                    tooltip="The same as on the sampler.",
                ),
                io.Float.Input(
                    "boundary",
                    default=DEFAULT.boundary,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    optional=True,
                    tooltip="Share of the timesteps at which the experts change: 0.900 for Wan2.2 I2V, 0.875 T2V.",
                ),
            ],
            outputs=[
                io.Int.Output(
                    display_name="switch_step",
                    tooltip="For KSampler (Advanced): end_at_step of the high-noise pass, start_at_step of the other.",
                ),
                io.Sigmas.Output(display_name="high_sigmas", tooltip="For the high-noise SamplerCustomAdvanced."),
                io.Sigmas.Output(display_name="low_sigmas", tooltip="For the low-noise SamplerCustomAdvanced."),
            ],
        )

    @classmethod
    def execute(
        cls, model, steps: int = 50, scheduler: str = "simple", boundary: float = DEFAULT.boundary
    ) -> io.NodeOutput:
        sampling = model.get_model_object("model_sampling")
        split = split_at_boundary(calculate_sigmas(sampling, scheduler, steps).cpu(), boundary)
        shown = f"{split.switch_step} high-noise + {len(split.low_sigmas) - 1} low-noise steps"
        show_on_node(cls, [shown], schedule_warnings(trained_for_of(model), boundary, getattr(sampling, "shift", None)))
        strip = ui.PreviewImage(draw_schedule(split, boundary), cls=cls).as_dict()
        return io.NodeOutput(split.switch_step, split.high_sigmas, split.low_sigmas, ui=strip | {"text": [shown]})
