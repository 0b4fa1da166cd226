"""LoRA files: read one, and find out which expert it was trained for.

Nothing in the tensors tells: the two files of a pair have the same keys and shapes. What tells is our metadata, a list
of known files, and, as a hint only, the file's name.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..bases.base import BASE_KEY, EXPERT_CHECK_KEY, EXPERT_KEY, UNCHECKED, Base, Expert
from ..bases.catalogue import DEFAULT, EXPERTS, expert_names, title_of
from ..errors import FFGOError
from ..plain import parse_json, read_limited
from .hints import hint_in_name
from .noise import pair_warnings, trained_for
from .peft_config import COMPONENTS

HOST_PREFIX = "diffusion_model."
KNOWN_FILES = Path(__file__).with_name("known_files.json")
SUFFIXES = (".safetensors", ".sft")
MOST_OF_A_LIST = 1_000_000
"""Bytes of a list of known files."""

MOST_TENSORS = 50_000
"""A file for every parameter of both experts, with nine tensors each, has 25,000."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A published file and the expert that it is for."""

    sha256: str
    size: int
    expert: Expert
    name: str
    source: str

    def __post_init__(self) -> None:
        if self.expert not in EXPERTS:
            raise ValueError(f"expert = {self.expert!r}")
        if not isinstance(self.sha256, str) or not isinstance(self.size, int):
            raise TypeError("sha256 must be a string, and size a whole number")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file says about the expert that it is for; `expert` is None where it says nothing."""

    expert: Expert | None
    certain: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LoRAFile:
    """A LoRA file, its tensors still on the disk until they are used."""

    name: str
    """As in the host's list: relative to the loras folder."""
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    evidence: Evidence


def read_lora(path: Path, name: str, known: Iterable[KnownFile] = ()) -> LoRAFile:
    """Open a LoRA file and find out which expert it is for.

    name: what to call it; known: published files. The file is read through only where its size is that of a known file.

    Raises: FFGOError if it is no safetensors file, or not all of one.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise FFGOError(f"'{name}' is not a safetensors file. Convert it to safetensors, or choose another file.")
    if not path.is_file():
        raise FFGOError(f"'{name}' cannot be read: it is not there, or no file. Choose another one.")
    try:
        with safe_open(path, framework="pt") as file:
            keys = file.keys()
            if len(keys) > MOST_TENSORS:
                raise FFGOError(
                    f"'{name}' holds {len(keys):,} tensors; a LoRA has at most {MOST_TENSORS:,}. Choose another file."
                )
            tensors = {key: file.get_tensor(key) for key in keys}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise FFGOError(_unreadable(path, name, error)) from error
    except OSError as error:
        raise FFGOError(f"'{name}' cannot be read: {error}. Make it readable, or choose another file.") from error
    return LoRAFile(name, tensors, metadata, _evidence(path, name, metadata, tensors, known))


def read_known_files(*lists: Path) -> list[KnownFile]:
    """Read lists of known files, JSON as in known_files.json; a list that does not exist is empty.

    Raises: FFGOError naming the list that cannot be used.
    """
    known = []
    for path in lists:
        if not path.exists():
            continue
        try:
            entries = parse_json(read_limited(path, MOST_OF_A_LIST).decode("utf-8-sig"))
            known += [KnownFile(**entry) for entry in entries]
        except (OSError, ValueError, TypeError) as error:
            raise FFGOError(
                f"{path} is not a list of known LoRA files ({error}). It must be a JSON list of objects with "
                '"sha256", "size" (bytes), "expert" ("high" or "low"), "name" and "source". Mend or remove the file.'
            ) from error
    return known


def check_slots(files: Mapping[Expert, LoRAFile], base: Base = DEFAULT) -> list[str]:
    """Compare the slot that each file was put into with the expert that it is for.

    Returns warnings for contradictions that rest on a file's name, and for a pair of two trainings.
    base: of the model that they are put onto.
    Raises: FFGOError where the evidence is certain, or the file says that it is for another base.
    """
    for slot, file in files.items():
        if (said := file.metadata.get(BASE_KEY, base.id)) != base.id:
            raise FFGOError(
                f"{slot_name(slot)} holds '{file.name}', whose metadata says {BASE_KEY} = {said}: it is for "
                f"{title_of(said)}, and the model is {base.title}. Choose a LoRA for {base.title}."
            )
    wrong: dict[Expert, LoRAFile] = {
        slot: file for slot, file in files.items() if file.evidence.expert not in (None, slot)
    }
    says = [
        f"{slot_name(slot)} holds '{file.name}', a LoRA {_made_for(file)}: {file.evidence.reason}."
        for slot, file in wrong.items()
    ]
    if any(file.evidence.certain for file in wrong.values()):
        raise FFGOError(" ".join([*says, _mend_slots(files, list(wrong), base)]))
    schedules = [trained_for(file.name, file.metadata) for file in files.values()]
    return [*(f"{text} If that is so, exchange it." for text in says), *pair_warnings(schedules)]


def check_experts(names: Mapping[Expert, str | None], *, one_model: bool) -> list[str]:
    """Warn where the experts themselves seem to be swapped.

    names: the files that they were loaded from, None where unknown; one_model: both inputs are the same model.
    """
    warnings = [
        f"model_{slot} comes from '{name}', whose name says {hint} noise. Check that the experts are not swapped."
        for slot, name in names.items()
        if name and (hint := hint_in_name(name)) not in (None, slot)
    ]
    if one_model:
        warnings.append("model_high and model_low are the same model. Connect the high-noise and the low-noise expert.")
    return warnings


def _evidence(
    path: Path, name: str, metadata: Mapping[str, str], keys: Iterable[str], known: Iterable[KnownFile]
) -> Evidence:
    declared = metadata.get(EXPERT_KEY)
    if declared in expert_names():
        is_checked = metadata.get(EXPERT_CHECK_KEY) != UNCHECKED
        return Evidence(declared, is_checked, f"its metadata says {EXPERT_KEY} = {declared}")
    size = path.stat().st_size
    candidates = {entry.sha256.lower(): entry for entry in known if entry.size == size}
    if candidates and (entry := candidates.get(_sha256(path))):
        return Evidence(entry.expert, True, f"it is the known file {entry.name} from {entry.source}")
    components = {key.partition(".")[0] for key in keys}
    if components == {COMPONENTS["low"]}:
        return Evidence("low", True, f"its keys begin with {COMPONENTS['low']}, diffusers' low-noise expert")
    if hinted := hint_in_name(name):
        return Evidence(hinted, False, f"its name says {hinted} noise")
    return Evidence(None, False, "neither its metadata, nor the lists of known files, nor its name says")


def slot_name(slot: Expert) -> str:
    """What the loader calls the input that a file was put into."""
    return "lora" if slot == "only" else f"lora_{slot}"


def _made_for(file: LoRAFile) -> str:
    """Which model a file speaks of: of one expert of a pair, or another one."""
    expert = file.evidence.expert
    said = file.metadata.get(BASE_KEY)
    if expert == "only":
        return f"for {title_of(said) if said else 'a base of one model'}"
    return f"for the {expert}-noise expert" + (f" of {title_of(said)}" if said else "")


def _mend_slots(files: Mapping[Expert, LoRAFile], wrong: list[Expert], base: Base) -> str:
    if not base.is_pair:
        return f"The model is {base.title}, which has no such expert. Choose a LoRA for {base.title}."
    if any(files[slot].evidence.expert == "only" for slot in wrong):
        return f"The models are those of {base.title}. Choose LoRAs for {base.title}."
    if len(wrong) == 2:
        return "The two files are swapped: exchange lora_high and lora_low."
    slot = wrong[0]
    beside = "".join(f" (lora_{other} holds '{file.name}')" for other, file in files.items() if other != slot)
    return f"Choose the file for the {slot}-noise expert in lora_{slot}{beside}."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreadable(path: Path, name: str, error: SafetensorError) -> str:
    """Say what is wrong with a file that does not open. A safetensors file begins with eight bytes and then JSON."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
    if start[8:9] == b"{":
        damage = f"its {size:,} bytes are not what its header says ({error})"
        return f"'{name}' is cut off or damaged: {damage}. Download it again."
    return (
        f"'{name}' is not a safetensors file although its name says so ({size:,} bytes, beginning {start[:24]!r}). "
        "A failed download often leaves a web page or a pointer under the file's name. Download it again."
    )
