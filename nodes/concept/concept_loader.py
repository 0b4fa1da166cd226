"""The FFGo Concept Loader node."""

from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ...ffgo.bases.base import Expert
from ...ffgo.bases.catalogue import EXPERTS
from ...ffgo.errors import FFGOError
from ...ffgo.lora.halves import PARTS, Part, concept_files, files_of
from .._host import show_on_node
from ..experts._halves import open_concept
from ..experts._patching import Mode

STRENGTH: dict[str, Any] = {"default": 1.0, "min": -2.0, "max": 2.0, "step": 0.05, "optional": True}
FACTOR: dict[str, Any] = STRENGTH | {"advanced": True}


class ConceptLoader(io.ComfyNode):
    """Loads a learned concept onto both experts, with a strength for who it is and one for how it moves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOConceptLoader",
            display_name="FFGo Concept Loader",
            category="FFGo/Concept",
            description="Loads the four files of a concept onto both experts: how strongly it looks like itself, and "
            "how strongly it moves like itself. Files of two trainings, or changed ones, are an error.",
            search_aliases=["set and sequence", "concept lora", "identity and motion", "dynamic concept"],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
            inputs=[
                io.Model.Input("model_high", tooltip="The high-noise expert, which runs first."),
                io.Model.Input("model_low", tooltip="The low-noise expert, which finishes."),
                io.Combo.Input(
                    "concept", options=concept_files(folder_paths.get_filename_list("loras"), EXPERTS),
                    tooltip="A concept of which all four files lie in a loras folder.",
                ),
                io.Float.Input(
                    "identity", **STRENGTH, tooltip="Who it is. 1 = as learned, 0 = not at all: only its motion."
                ),
                io.Float.Input(
                    "motion", **STRENGTH, tooltip="How it moves. 1 = as learned, 0 = not at all: only its looks."
                ),
                io.Combo.Input(
                    "apply", options=["auto", "merge", "bypass"], default="auto", optional=True, advanced=True,
                    tooltip="merge: into the weights. bypass: beside them, exact on fp8 weights. auto: bypass for "
                    "quantised experts, else merge.",
                ),
                io.Float.Input("identity_high", **FACTOR, tooltip="Times identity, for the high-noise expert."),
                io.Float.Input("identity_low", **FACTOR, tooltip="Times identity, for the low-noise expert."),
                io.Float.Input("motion_high", **FACTOR, tooltip="Times motion, for the high-noise expert."),
                io.Float.Input("motion_low", **FACTOR, tooltip="Times motion, for the low-noise expert."),
            ],
            outputs=[
                io.Model.Output(display_name="model_high", tooltip="The high-noise expert with the concept."),
                io.Model.Output(display_name="model_low", tooltip="The low-noise expert with the concept."),
                io.String.Output(display_name="words", tooltip="The words that call it in a prompt."),
                io.String.Output(display_name="report", tooltip="What was loaded, and how."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, concept: str, **_) -> list[tuple[int, int]]:
        stats = [_path(name).stat() for name in files_of(concept, EXPERTS).values()]
        return [(stat.st_mtime_ns, stat.st_size) for stat in stats]

    @classmethod
    def execute(
        cls, model_high, model_low, concept: str, identity: float = 1.0, motion: float = 1.0, apply: Mode = "auto",
        identity_high: float = 1.0, identity_low: float = 1.0, motion_high: float = 1.0, motion_low: float = 1.0,
    ) -> io.NodeOutput:  # fmt: skip
        strengths: dict[tuple[Part, Expert], float] = {
            ("identity", "high"): identity * identity_high, ("identity", "low"): identity * identity_low,
            ("motion", "high"): motion * motion_high, ("motion", "low"): motion * motion_low,
        }  # fmt: skip
        paths = {key: _path(name) for key, name in files_of(concept, EXPERTS).items()}
        loaded = open_concept(concept, {"high": model_high, "low": model_low}, paths, strengths, apply)
        show_on_node(cls, loaded.lines, loaded.warnings)
        return io.NodeOutput(
            loaded.models["high"],
            loaded.models["low"],
            loaded.words,
            "\n".join(loaded.lines),
            ui={"text": loaded.lines},
        )


def _path(name: str) -> Path:
    path = folder_paths.get_full_path("loras", name)
    if path is None:
        raise FFGOError(
            f"{name} is in no loras folder. A concept has {len(PARTS) * len(EXPERTS)} files; copy all that FFGo Train "
            "Concept wrote."
        )
    return Path(path)
