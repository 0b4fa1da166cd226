"""The file that `python -m ffgo.training` runs: which models, which dataset, and the recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..bases.base import Base, Expert
from ..bases.catalogue import BASES, DEFAULT, base_called, expert_names
from ..concept.encode import MOST_STITCH
from ..dataset.sizing import PUBLISHED_FRAMES, Sizing, sizing_of
from ..lora.halves import PARTS, Part
from ..names import plain_name
from ..plain import Source, Value
from .concept import STEPS, concept_recipes, with_steps
from .presets import PRESETS, preset
from .recipe import Recipe, with_values

EXAMPLE = """\
name = "my_subjects"                # the files will be my_subjects_high.safetensors and my_subjects_low.safetensors
base = "wan2.2-i2v-a14b"            # or wan2.2-ti2v-5b, hunyuan-1.5-i2v, wan2.1-i2v
experts = ["high", "low"]           # trained one after the other; ["only"] where the base has one model
output = "training"                 # folder for checkpoints and the finished files

[models]                            # paths; relative ones start at this file's folder
high = "models/wan2.2_i2v_high_noise_14B_fp16.safetensors"
low = "models/wan2.2_i2v_low_noise_14B_fp16.safetensors"
vae = "models/wan_2.1_vae.safetensors"                          # not needed for an encoded dataset
text_encoder = "models/umt5_xxl_fp16.safetensors"               # not needed for an encoded dataset

[dataset]
path = "dataset/train_data.json"    # the official JSON, or a folder of clips with .txt captions and composites
encoded = "training/encoded"        # encoded once, kept here; without a path, what lies there is used
width = 1344
height = 768
frames = 81                         # as in the paper; the published code trains 21

[recipe]                            # everything else keeps its default: python -m ffgo.training --recipe lists all
preset = "141 GB"
steps = 600
"""

ENCODERS = ("vae", "text_encoder", "text_encoder_2", "clip_vision")
EXAMPLE_CONCEPT = """\
name = "my_cat"                     # files: my_cat_identity_high.safetensors, my_cat_motion_high.safetensors, ... low
experts = ["high", "low"]
output = "training"

[models]
high = "models/wan2.2_i2v_high_noise_14B_fp16.safetensors"
low = "models/wan2.2_i2v_low_noise_14B_fp16.safetensors"
vae = "models/wan_2.1_vae.safetensors"
text_encoder = "models/umt5_xxl_fp16.safetensors"

[concept]
path = "datasets/my_cat"            # a folder with concept.json, as FFGo Concept Dataset writes it
width = 832
height = 480
frames = 21
stitch = 0.25                       # of several concepts: how often two stand side by side, beside any other example

[prior]                             # what the experts shall not forget; as FFGo Prior Clips keeps it
encoded = "encoded_datasets/my_prior"

[recipe]
rank = 32

[recipe.identity]                   # for one of the two runs
steps = 600

[recipe.motion]
steps = 900
"""

_SIZES = ("width", "height", "frames", "shortest")
MOST_SIZE = 1_000_000
"""Of a width, height or number of frames; `Sizing` knows which ones can be trained."""


@dataclass(frozen=True, slots=True)
class ExamplesOf:
    """Where examples come from."""

    encoded: Path
    """Folder of the encoded dataset."""
    clips: Path | None
    """What to encode into it; nothing where that was done before."""
    sizing: Sizing


@dataclass(frozen=True, slots=True)
class ConceptOf:
    """A concept that is learned in two runs."""

    encoded: Path
    """Folder of its encoded set and sequences."""
    material: Path | None
    """What to encode into it: a folder with concept.json; nothing where that was done before."""
    sizing: Sizing
    stitch: float
    parts: Sequence[Part]
    preset: Recipe
    values: Mapping[str, Any]
    """Of the recipe, for both runs and for each."""

    def recipes(self, name: str, expert: Expert, *, has_prior: bool) -> Mapping[Part, Recipe]:
        """Raises: FFGOError as `concept_recipes`."""
        return concept_recipes(self.preset, name, expert, self.values, has_prior=has_prior)


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job, its paths made absolute."""

    name: str
    models: Mapping[str, Path]
    output: Path
    experts: Sequence[Expert]
    encoded: Path
    """Folder of the encoded dataset."""
    dataset: Path | None = None
    """What to encode into it; nothing where that was done before."""
    recipe: Recipe = field(default_factory=Recipe)
    sizing: Sizing = field(default_factory=Sizing)
    prior: ExamplesOf | None = None
    """Examples of what the experts shall not forget."""
    base: Base = DEFAULT
    concept: ConceptOf | None = None
    """What is learned in place of a dataset."""


def read_job(path: Path, expert: Expert | None = None) -> JobFile:
    """Read a job. expert: train this one of its experts alone.

    Raises: FFGOError that names what is missing, unknown, or of the wrong kind.
    """
    source = Source("job", "`python -m ffgo.training --example` prints a whole job.", whole=f"The job {path}")
    job = source.toml(source.file(path)).object(
        ["name", "models"],
        {
            "experts": None, "output": "training", "recipe": {}, "prior": None, "base": DEFAULT.id, "dataset": None,
            "concept": None,
        },
    )  # fmt: skip
    base = base_called(job["base"].one_of([one.id for one in BASES]))
    experts = base.names() if job["experts"].value is None else _experts(job["experts"], base)
    if expert and expert not in experts:
        job["experts"].refuse(f"lacks {expert}, which --expert asks for", "add it, or ask for another one")
    experts = (expert,) if expert else experts
    models = job["models"].object(experts, dict.fromkeys((*expert_names(), *ENCODERS)))
    folder = path.resolve().parent
    output = folder / job["output"].string(least=1)
    recipe = job["recipe"].object(others=True)
    concept = _concept(job, recipe, base, folder, output) if job["concept"].value is not None else None
    if concept is not None:
        dataset = ExamplesOf(concept.encoded, None, concept.sizing)
    elif job["dataset"].value is None:
        source.refuse("", "lacks dataset", "add [dataset], or [concept]")
    else:
        dataset = _examples(job["dataset"], folder, output / "encoded", sizing_of(base))
    has_prior = job["prior"].value is not None
    prior = _examples(job["prior"], folder, output / "encoded_prior", dataset.sizing) if has_prior else None
    if prior is not None and prior.encoded == dataset.encoded:
        job["prior"].refuse("is encoded into the folder of the dataset", "give it a folder of its own in encoded")
    encodes = any(one is not None and one.clips is not None for one in (dataset, prior))
    if encodes or (concept is not None and concept.material is not None):
        left_out = {"text_encoder_2"} if base.text_files == 1 else set()
        left_out |= set() if base.condition.vision else {"clip_vision"}
        job["models"].object([name for name in ENCODERS if name not in left_out], others=True)
    return JobFile(
        name=plain_name(job["name"].string(least=1), "job: name"),
        models={name: file for name in models if (file := _path(models[name], folder)) is not None},
        output=output,
        experts=experts,
        recipe=_recipe(recipe, base) if concept is None else concept.preset,
        encoded=dataset.encoded,
        dataset=dataset.clips,
        sizing=dataset.sizing,
        prior=prior,
        base=base,
        concept=concept,
    )


def _concept(
    job: Mapping[str, Value], recipe: Mapping[str, Value], base: Base, folder: Path, output: Path
) -> ConceptOf:
    """The table of a concept. Raises: FFGOError where there is a dataset beside it, too."""
    table = job["concept"]
    if job["dataset"].value is not None:
        table.refuse("stands beside [dataset]", "a job learns the one or the other; leave one table out")
    if base != DEFAULT:
        table.refuse(f"is learned with the two experts of {DEFAULT.title}", "leave base out")
    values = table.object(optional={**dict.fromkeys(("path", "encoded", *_SIZES[:3])), "stitch": 0.0, "stages": PARTS})
    material, encoded = (_path(values[name], folder) for name in ("path", "encoded"))
    if material is None and encoded is None:
        table.refuse("lacks path", "name the folder with concept.json, or the encoded one")
    given = {name: values[name] for name in _SIZES[:3] if values[name].value is not None}
    sizes = {name: size.whole(0, MOST_SIZE, exact=True) for name, size in given.items()}
    stages = [stage.one_of(PARTS) for stage in values["stages"].list("stages", len(PARTS))]
    parts: list[Part] = [part for part in PARTS if part in stages]
    if not parts:
        values["stages"].refuse("is empty", f"it must be {list(PARTS)}, or one of them")
    chosen = {name: value.value for name, value in recipe.items() if name != "preset"}
    made = ConceptOf(
        encoded or output / "encoded_concept", material, replace(Sizing(frames=PUBLISHED_FRAMES), **sizes),
        values["stitch"].number(0, MOST_STITCH), parts, _preset(recipe, base), with_steps(chosen, STEPS),
    )  # fmt: skip
    made.recipes(plain_name(job["name"].string(least=1), "job: name"), "high", has_prior=False)
    return made


def _examples(table: Value, folder: Path, default: Path, sizing: Sizing) -> ExamplesOf:
    """default: where they are encoded to; sizing: what is not named here is as there."""
    values = table.object(optional=dict.fromkeys(("path", "encoded", *_SIZES)))
    clips, encoded = (_path(values[name], folder) for name in ("path", "encoded"))
    if clips is None and encoded is None:
        table.refuse("lacks path", "or give encoded, the folder of a dataset that was encoded before")
    given = {name: values[name] for name in _SIZES if values[name].value is not None}
    sizes = {name: size.whole(0, MOST_SIZE, exact=True) for name, size in given.items()}
    return ExamplesOf(encoded or default, clips, replace(sizing, **sizes))


def _experts(value: Value, base: Base) -> Sequence[Expert]:
    experts: list[Expert] = [expert.one_of(base.names()) for expert in value.list("experts")]
    if not experts:
        value.refuse(
            "is empty", 'it must be ["high", "low"], ["high"] or ["low"]' if base.is_pair else 'it must be ["only"]'
        )
    return tuple(dict.fromkeys(experts))


def _path(value: Value, folder: Path) -> Path | None:
    """A path, made absolute; None where none is given."""
    return None if value.value is None else folder / value.string(least=1)


def _recipe(values: Mapping[str, Value], base: Base) -> Recipe:
    changes = {name: value.value for name, value in values.items() if name != "preset"}
    return with_values(_preset(values, base), changes)


def _preset(values: Mapping[str, Value], base: Base) -> Recipe:
    return preset(values["preset"].string() if "preset" in values else next(iter(PRESETS)), base)
