"""The file that `python -m ffgo.training` runs: which models, which dataset, and the recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bases.base import EXPERTS, Expert
from ..dataset.sizing import Sizing
from ..errors import FFGOError
from .recipe import PRESETS, Recipe, parse_toml, preset, with_values

EXAMPLE = """\
name = "my_subjects"                # the files will be my_subjects_high.safetensors and my_subjects_low.safetensors
experts = ["high", "low"]           # trained one after the other
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


@dataclass(frozen=True)
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


def read_job(path: Path) -> JobFile:
    """Read a job. Raises: FFGOError that names what is missing, unknown, or of the wrong kind."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FFGOError(
            f"{path} cannot be read ({error}). `python -m ffgo.training --example` writes a job to start from."
        ) from error
    values, folder = parse_toml(text), path.resolve().parent
    _check_keys(
        "the job", values, {"name", "experts", "output", "models", "dataset", "recipe"}, {"name", "models", "dataset"}
    )
    models = _table(values, "models")
    experts = values.get("experts", list(EXPERTS))
    if not isinstance(experts, list) or not experts or any(expert not in EXPERTS for expert in experts):
        raise FFGOError(f'experts is {experts!r}; it must be ["high", "low"], ["high"] or ["low"].')
    _check_keys("[models]", models, {"high", "low", "vae", "text_encoder"}, set(experts))
    dataset = _table(values, "dataset")
    _check_keys("[dataset]", dataset, {"path", "encoded", "width", "height", "frames", "shortest"}, set())
    if not {"path", "encoded"} & dataset.keys():
        raise FFGOError("[dataset] needs a path (clips), or encoded (the folder of a dataset that was encoded before).")
    if "path" in dataset and not {"vae", "text_encoder"} <= models.keys():
        raise FFGOError("[models] needs vae and text_encoder to encode the dataset.")
    output = folder / _text(values, "output", "training")
    sizing = {name: dataset[name] for name in ("width", "height", "frames", "shortest") if name in dataset}
    return JobFile(
        name=_text(values, "name"),
        models={name: folder / _text(models, name) for name in models},
        output=output,
        experts=tuple(dict.fromkeys(experts)),
        recipe=_recipe(_table(values, "recipe")),
        encoded=folder / _text(dataset, "encoded", str(output / "encoded")),
        dataset=folder / _text(dataset, "path") if "path" in dataset else None,
        sizing=Sizing(**sizing),
    )


def _recipe(values: Mapping[str, Any]) -> Recipe:
    changes = dict(values)
    name = changes.pop("preset", next(iter(PRESETS)))
    return with_values(preset(name), changes)


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, Mapping):
        raise FFGOError(f"{name} is {table!r}; it must be a table: a line [{name}], and its names below.")
    return table


def _text(values: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or not value:
        raise FFGOError(f"{name} is {value!r}; it must be a string in quotes.")
    return value


def _check_keys(where: str, values: Mapping[str, Any], known: set[str], needed: set[str]) -> None:
    if unknown := sorted(values.keys() - known):
        raise FFGOError(f"{where} has unknown key(s) {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    if missing := sorted(needed - values.keys()):
        raise FFGOError(f"{where} lacks {', '.join(missing)}. `python -m ffgo.training --example` shows a whole job.")
