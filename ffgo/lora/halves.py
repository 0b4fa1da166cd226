"""The two halves of a learned concept: who it is (A and B), and how it moves (a second B on the same A).

Each is a LoRA file of its own, with the same names and shapes. What ties them is the hash of the A that they share, in
their metadata: a motion half beside another A is noise. Source: Set-and-Sequence, section 3.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..bases.base import Expert
from ..errors import FFGOError, printable
from .file import LoRAFile

Part = Literal["identity", "motion"]
PARTS: tuple[Part, ...] = ("identity", "motion")
PART_KEY, WORDS_KEY, START_KEY = "ffgo.part", "ffgo.words", "ffgo.start"
BASIS_KEY = "ffgo.basis"
"""Hash of all A as float32; a file of fewer bits is known by that of its bits."""
BASIS_KEYS = {torch.float32: BASIS_KEY, torch.bfloat16: "ffgo.basis_bf16", torch.float16: "ffgo.basis_f16"}
MOST_WORDS = 500
"""Characters of the words that a file names."""
_A = ".lora_A.weight"


@dataclass(frozen=True, slots=True)
class ConceptPart:
    """The half of a concept that a run learns."""

    part: Part
    words: str
    """Those that call the concept in a prompt."""


@dataclass(frozen=True, slots=True)
class Half:
    """One half of a concept, as its file says and as its numbers are."""

    file: str
    part: Part
    basis: str
    """Of its A, as float32."""
    words: str
    """Those that call it in a prompt."""
    start: str
    """Of a motion half: hash of the identity half that it was learned on."""
    content: str
    """Hash of its own numbers, A and B, as float32; of a file of fewer bits another one."""
    exact: bool
    """Whether its numbers are those that were trained, to the last bit."""


def basis_of(tensors: Mapping[str, Tensor], kind: torch.dtype = torch.float32) -> str:
    """A short hash of all A of a LoRA in the host's own names, as numbers of a kind."""
    return _hash({name: tensor.to(kind) for name, tensor in tensors.items() if name.endswith(_A)})


def content_of(tensors: Mapping[str, Tensor]) -> str:
    """A short hash of all that a LoRA holds, as float32."""
    return _hash({name: tensor.float() for name, tensor in tensors.items()})


def half_metadata(part: Part, tensors: Mapping[str, Tensor], words: str, start: str = "") -> dict[str, str]:
    """What the file of a half says of itself. tensors: as they are written; start: `content_of` its identity half."""
    bases = {key: basis_of(tensors, kind) for kind, key in BASIS_KEYS.items()}
    return {PART_KEY: part, WORDS_KEY: words, **bases, **({START_KEY: start} if start else {})}


def half_of(file: LoRAFile) -> Half | None:
    """The half that a file is; None where it is an ordinary LoRA.

    Raises: FFGOError with both hashes, where its A is not the one that it says.
    """
    part = file.metadata.get(PART_KEY)
    if part not in PARTS:
        return None
    names = sorted(name for name in file.tensors if name.endswith(_A))
    if not names:
        raise FFGOError(
            f"'{file.name}' says that it is the {part} half of a concept, and holds no LoRA. Train it anew."
        )
    declared, found = _basis_told(file, names)
    if declared != found:
        raise FFGOError(
            f"'{file.name}' was changed after it was trained: its A has the hash {found}, and its metadata says "
            f"{printable(declared)[:40] or 'nothing'}. Take the file that the trainer wrote, or FFGo Save Expert LoRA."
        )
    said = {key: printable(file.metadata.get(key, ""))[:MOST_WORDS] for key in (BASIS_KEY, WORDS_KEY, START_KEY)}
    exact = basis_of(file.tensors) == said[BASIS_KEY]
    return Half(file.name, part, *said.values(), content=content_of(file.tensors), exact=exact)


def _basis_told(file: LoRAFile, names: Sequence[str]) -> tuple[str, str]:
    """The hash that the metadata says, and that of the tensors, as numbers of the file's own kind."""
    kind = file.tensors[names[0]].dtype
    if kind not in BASIS_KEYS:
        raise FFGOError(f"'{file.name}' is kept as {kind}, in which nobody can tell whose half it is. Keep it in bf16.")
    return file.metadata.get(BASIS_KEYS[kind], ""), basis_of(file.tensors, kind)


def check_pair(identity: Half, motion: Half) -> None:
    """Raises: FFGOError with both hashes, where a motion half was not learned on this identity half."""
    if motion.basis != identity.basis:
        raise FFGOError(
            f"'{motion.file}' was learned on another identity half than '{identity.file}': its basis is "
            f"{motion.basis}, and that one's is {identity.basis}. Load halves of one training together."
        )
    if identity.exact and motion.start and motion.start != identity.content:
        raise FFGOError(
            f"'{identity.file}' was changed after '{motion.file}' was learned on it: its numbers have the hash "
            f"{identity.content}, and {motion.start} is wanted. Take the file that the trainer wrote."
        )


def motion_warnings(motion: Half, loaded: Sequence[str]) -> list[str]:
    """What to say of a motion half that is loaded by itself. loaded: bases of the identity halves on the expert.

    Raises: FFGOError with both hashes, where there are identity halves and none is its own.
    """
    if motion.basis in loaded:
        return []
    if loaded:
        raise FFGOError(
            f"'{motion.file}' is the motion half of a concept whose basis is {motion.basis}, and the identity halves "
            f"on this expert have {', '.join(loaded)}. Load its own identity half before it, or take the others off."
        )
    return [
        f"'{motion.file}' is the motion half of a concept, by itself. Load its identity half before it, or both with "
        "FFGo Concept Loader, unless only the motion is wanted."
    ]


def concept_files(names: Sequence[str], experts: Sequence[Expert]) -> list[str]:
    """The concepts, with their folders, of which a list of LoRA files has both halves for all experts."""
    there = set(names)
    ending = f"_{PARTS[0]}_{experts[0]}.safetensors"
    found = [name.removesuffix(ending) for name in names if name.endswith(ending)]
    return [name for name in found if all(file in there for file in files_of(name, experts).values())]


def files_of(concept: str, experts: Sequence[Expert]) -> dict[tuple[Part, Expert], str]:
    """The names of a concept's files."""
    return {(part, expert): f"{concept}_{part}_{expert}.safetensors" for part in PARTS for expert in experts}


def _hash(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
