"""Encoded examples on disk: one file for each example and each caption, read one at a time.

A folder of them holds `examples/<key>.safetensors`, `texts/<key>.safetensors` and `dataset.json`, the list of what
belongs together. A key says what went into a file, so a file never has to be changed: it is right, damaged or missing.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..bases.base import Base
from ..bases.catalogue import DEFAULT, base_called
from ..bases.condition import condition
from ..bases.memory import MOST_MEMORY
from ..errors import FFGOError
from ..files import complete_file
from ..plain import Source, Value, parse_json, part, read_limited
from .encoded import EncodedExample

VERSION = 1
"""Of the folder; another version's is encoded anew."""

INDEX_FILE = "dataset.json"
MOST_BYTES = 16_000_000_000
"""Of an encoded example; one of 81 frames of 1344x768 has 60 MB."""
MOST_SIDE = 100_000
"""Of latents."""
MOST_TOKENS = 1_000_000
LEAST_WEIGHT, MOST_WEIGHT = 1e-6, 1e6
_KEY = re.compile(r"[\w-]{1,64}")


class DamagedError(FFGOError):
    """A file of the cache is missing, or does not hold what was written into it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one encoded example lies."""

    name: str
    example: str
    """Key of its latents."""
    text: str
    """Key of its caption's embedding."""
    shape: tuple[int, int, int]
    """(T, h, w) of its latents."""
    weight: float = 1.0
    """How often it is drawn beside the others."""
    memory: int = 1
    """Composed canvases that it begins with, each a latent frame."""


def key_of(*parts: str | int) -> str:
    """A name for what these parts make."""
    return blake2b(json.dumps([VERSION, *parts]).encode(), digest_size=16).hexdigest()


def example_file(folder: Path, key: str) -> Path:
    """Where the latents of an example lie."""
    return folder / "examples" / f"{key}.safetensors"


def text_file(folder: Path, key: str) -> Path:
    """Where the embedding of a caption lies."""
    return folder / "texts" / f"{key}.safetensors"


def write_example(folder: Path, key: str, latents: Tensor, composite: Tensor, vision: Tensor | None = None) -> None:
    """Keep a clip's latents (C, T, h, w), its composite's, and the composite as CLIP vision sees it, where it does.

    composite: (C, T, h, w) where it is followed by grey, (C, 1, h, w) where it stands alone; vision: (tokens, width).
    """
    seen = {} if vision is None else {"vision": vision}
    _write(example_file(folder, key), {"latents": latents, "composite": composite, **seen}, key)


def write_text(folder: Path, key: str, text: Tensor) -> None:
    """Keep a caption's embedding, (tokens, width), without the rows of zeros at its end."""
    filled = int(text.any(dim=1).nonzero().max()) + 1 if text.any() else 1
    _write(text_file(folder, key), {"text": text[:filled], "tokens": torch.tensor(len(text))}, key)


def read_example(folder: Path, key: str) -> tuple[Tensor, Tensor]:
    """The latents of a clip and of its composite. Raises: DamagedError."""
    tensors = _read(example_file(folder, key), key, ("latents", "composite"))
    return tensors["latents"], tensors["composite"]


def read_vision(folder: Path, key: str) -> Tensor:
    """A composite as CLIP vision sees it. Raises: DamagedError."""
    return _read(example_file(folder, key), key, ("vision",))["vision"]


def read_text(folder: Path, key: str) -> Tensor:
    """A caption's embedding, all rows of it. Raises: DamagedError."""
    tensors = _read(text_file(folder, key), key, ("text", "tokens"))
    empty = max(0, min(int(tensors["tokens"]), MOST_TOKENS) - len(tensors["text"]))
    return torch.nn.functional.pad(tensors["text"], (0, 0, 0, empty))


class CachedDataset:
    """Encoded examples in a folder, as the trainer takes them (`EncodedDataset`). Holds none of them in memory."""

    def __init__(
        self,
        folder: Path,
        entries: Sequence[Entry],
        encode_again: Callable[[], "CachedDataset"] | None = None,
        *,
        base: Base = DEFAULT,
        notes: Sequence[str] = (),
        encoded: int = 0,
        words: str = "",
    ):
        """notes: what the user should know of how it was encoded; encoded: how many clips and captions were, for it.

        words: those that call the concept that it shows.
        """
        self.words = words
        self.folder, self.entries, self.base = folder, tuple(entries), base
        self.notes, self.encoded = list(notes), encoded
        self._encode_again = encode_again

    @classmethod
    def open(cls, folder: Path) -> Self:
        """What was encoded into this folder last, without the clips. Raises: FFGOError if there is nothing."""
        source = Source(
            f"{folder} holds no encoded dataset: its {INDEX_FILE}",
            "Encode the dataset with FFGo Encode Dataset first.",
            whole=f"{folder} holds no encoded dataset: its {INDEX_FILE}",
        )
        index = source.json(source.file(folder / INDEX_FILE)).object(
            ["entries"], {"version": None, "base": DEFAULT.id, "words": ""}, others=True
        )
        if index["version"].value != VERSION:
            raise FFGOError(f"{folder} was encoded by another version of this pack. Encode the dataset again.")
        entries = [_entry(value) for value in index["entries"].list("examples")]
        if not entries:
            index["entries"].refuse("is empty", "there is nothing to train on")
        return cls(folder, entries, base=base_called(index["base"].string()), words=index["words"].string())

    def save_index(self) -> None:
        """Write the list that `open` reads."""
        unsaid = {*(() if self._is_weighted else ("weight",)), *(() if self.memory > 1 else ("memory",))}
        entries = [{k: v for k, v in asdict(entry).items() if k not in unsaid} for entry in self.entries]
        index = {"version": VERSION, "base": self.base.id, "entries": entries}
        index |= {"words": self.words} if self.words else {}
        write_bytes(self.folder / INDEX_FILE, json.dumps(index, indent=1).encode())

    @property
    def fingerprint(self) -> str:
        keys = [key for entry in self.entries for key in (entry.example, entry.text)]
        return key_of(*keys, *((f"{entry.weight:g}" for entry in self.entries) if self._is_weighted else ()))

    @property
    def memory(self) -> int:
        return max((entry.memory for entry in self.entries), default=1)

    @property
    def _is_weighted(self) -> bool:
        return any(entry.weight != 1 for entry in self.entries)

    @property
    def weights(self) -> Sequence[float]:
        return [entry.weight for entry in self.entries]

    @property
    def names(self) -> Sequence[str]:
        return [entry.name for entry in self.entries]

    @property
    def shapes(self) -> Sequence[tuple[int, int, int]]:
        return [entry.shape for entry in self.entries]

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> EncodedExample:
        """Raises: FFGOError if a file of the example is damaged; `mend` encodes it again."""
        entry = self.entries[index]
        try:
            latents, composite = read_example(self.folder, entry.example)
            text = read_text(self.folder, entry.text)
            vision = read_vision(self.folder, entry.example) if self.base.condition.vision else None
        except DamagedError as error:
            raise FFGOError(
                f"{entry.name}: {error} Nothing else is lost: run FFGo Encode Dataset again, it encodes only this one."
            ) from error
        alone = self.base.condition.fill is None
        start = (entry.memory, *entry.shape[1:]) if alone else entry.shape
        if latents.shape[1:] != entry.shape or composite.shape[1:] != start:
            raise FFGOError(
                f"{entry.name}: its latents are {tuple(latents.shape)}, and {INDEX_FILE} says {entry.shape}. Encode "
                "the dataset again."
            )
        frames, given = self.base.frames_of(latents.shape[1]), {k: composite[:, k] for k in range(entry.memory)}
        told = condition(self.base, given, frames, None if alone else composite)
        return EncodedExample(latents, told, text, vision)

    def mend(self) -> list[str]:
        """Look through all files and encode the damaged ones again; what was done.

        Raises: FFGOError if files are damaged and the dataset was opened without its encoders, or they are gone.
        """
        damaged = [entry.name for entry in self.entries if not self._is_whole(entry)]
        if not damaged:
            return []
        if self._encode_again is not None:
            with suppress(ReferenceError):
                return self._encode_again().notes
        raise FFGOError(
            f"{len(damaged)} of {len(self)} encoded examples in {self.folder} are damaged or missing: "
            f"{', '.join(damaged)}. Encode the dataset again: only these are encoded."
        )

    def _is_whole(self, entry: Entry) -> bool:
        return is_whole(example_file(self.folder, entry.example), entry.example) and is_whole(
            text_file(self.folder, entry.text), entry.text
        )


def _entry(value: Value) -> Entry:
    entry = value.object(["name", "example", "text", "shape"], {"weight": 1.0, "memory": 1}, others=True)
    example, text = (entry[name].string() for name in ("example", "text"))
    if not _KEY.fullmatch(example) or not _KEY.fullmatch(text):
        value.refuse("names a file that is none of an encoded dataset", "such names have letters and digits only")
    shape = [side.whole(1, MOST_SIDE) for side in entry["shape"].list("numbers", most=3)]
    if len(shape) != 3:
        entry["shape"].refuse(f"has {len(shape)} entries", "there must be 3")
    weight = entry["weight"].number(LEAST_WEIGHT, MOST_WEIGHT)
    memory = entry["memory"].whole(1, MOST_MEMORY)
    return Entry(entry["name"].string(), example, text, (shape[0], shape[1], shape[2]), float(weight), memory)


def is_whole(file: Path, key: str) -> bool:
    """Whether the file holds what was written into it."""
    try:
        _read(file, key)
    except DamagedError:
        return False
    return True


def write_bytes(file: Path, content: bytes) -> None:
    """Write a file that is there only when it is complete. Raises: FFGOError if the disk refuses."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(file) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise FFGOError(
            f"Cannot write {file}: {error.strerror}. Free some space or choose another folder; "
            "what is written already is kept."
        ) from error


def _write(file: Path, tensors: dict[str, Tensor], key: str) -> None:
    plain = {name: tensor.detach().float().contiguous().cpu() for name, tensor in tensors.items()}
    metadata = {"key": key, "checksum": _checksum(plain)}
    write_bytes(file, save(plain, metadata))


def _read(file: Path, key: str, names: Sequence[str] = ()) -> dict[str, Tensor]:
    """The tensors of a file, in memory of their own: a mapped file would stay in this process's.

    names: of tensors that must be there.
    """
    try:
        content = read_limited(file, MOST_BYTES)
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")].decode())
        metadata, tensors = part(header, "__metadata__", of=dict), load(content)
    except FileNotFoundError as error:
        raise DamagedError(f"{file} is missing.") from error
    except (OSError, ValueError, SafetensorError) as error:
        raise DamagedError(f"{file} is damaged ({error}).") from error
    whole = metadata.get("key") == key and metadata.get("checksum") == _checksum(tensors)
    if not whole or not tensors.keys() >= set(names):
        raise DamagedError(f"{file} is damaged: it does not hold what was written into it.")
    return tensors


def _checksum(tensors: dict[str, Tensor]) -> str:
    digest = blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
