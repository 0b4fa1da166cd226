"""The folder of one expert's run: checkpoints that a run goes on from to the last bit, and the finished LoRA.

<folder>/run.json                        what the run is: recipe, dataset, expert
<folder>/step_000100.safetensors         the LoRA, ready for use
<folder>/step_000100.state.safetensors   all that is needed to go on; written last
"""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..files import complete_file
from ..locks import LOCK_FILE, Hold, sole_writer
from ..lora.saving import write_tensors
from ..plain import Source, part
from .recipe import differences
from .state import MOST_ABOUT, Checkpoint, RunState, read_state, state_file

RUN_FILE = "run.json"
STATE_SUFFIX = ".state.safetensors"
START_CONTENT = "content of start_lora"
"""A hash in a run's identity; runs that were begun before there was one go on without it."""
_NOTES = "notes"


class RunFolder:
    """Where one expert's run is kept."""

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        """identity: what may not change when the run goes on: plain values. Nothing is written yet."""
        self.path = path
        self.identity = json.loads(json.dumps(dict(identity)))
        self.notes: dict[str, Any] = {}
        """What a new run writes down besides; nothing is compared with it."""
        self._hold: Hold | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and let no other process train into it; what one that died left half-written goes.

        Holding it twice is the same as once. Raises: BusyError where another process does; FFGOError where the folder
        cannot be written to.
        """
        if self._hold is not None:
            yield
            return
        with sole_writer(self.path / LOCK_FILE, f"The run {self.path} is being trained") as hold:
            self._hold = hold
            try:
                hold.sweep(self.path)
                self._remove_half_checkpoint()
                yield
            finally:
                self._hold = None

    def _remove_half_checkpoint(self) -> None:
        """The LoRA of a checkpoint whose state was not there yet when its writer died: it is made anew.

        And what safetensors left of one, which version 0.1.0 let it write here.
        """
        for left in self.path.glob(".tmp??????"):
            left.unlink()
        if not (states := self.states()):
            return
        last = states[-1].name.removesuffix(STATE_SUFFIX)
        for lora in self.path.glob("step_*.safetensors"):
            if not lora.name.endswith(STATE_SUFFIX) and lora.stem > last:
                lora.unlink()

    def open(self) -> RunState | None:
        """Make the folder, or read the last checkpoint of the same run.

        Raises: FFGOError where the folder holds another run, or cannot be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self._claim()
        except OSError as error:
            raise FFGOError(
                f"{self.path} cannot be written to ({error.strerror}). Choose another output folder."
            ) from error
        states = self.states()
        return self._read(states[-1]) if states else None

    def _claim(self) -> None:
        """Write what this run is."""
        self.refuse_other_run()
        file = self.path / RUN_FILE
        if not file.exists():
            with complete_file(file) as partial:
                partial.write_text(json.dumps(self.identity | ({_NOTES: self.notes} if self.notes else {}), indent=2))

    def refuse_other_run(self) -> None:
        """Raises: FFGOError with the difference, where the folder holds a run that was started otherwise."""
        if (self.path / RUN_FILE).exists():
            self._compare({name: value for name, value in self._there().items() if name != _NOTES}, str(self.path))

    def begun_with(self) -> dict[str, Any] | None:
        """The notes of the run that goes on; None where it begins."""
        return part(self._there(), _NOTES, of=dict) if self.states() else None

    def _there(self) -> dict[str, Any]:
        """What the run's file says. Raises: FFGOError where it is damaged."""
        file = self.path / RUN_FILE
        if not file.exists():
            return {}
        source = Source(str(file), "Choose another name for the run.", whole=f"{file} is damaged: it")
        there = source.json(source.file(file, MOST_ABOUT)).object(others=True)
        return {name: value.value for name, value in there.items()}

    def _compare(self, there: Mapping[str, Any], where: str) -> None:
        if changes := _changes(there, self.identity):
            raise FFGOError(
                f"{where} holds a run that was started otherwise, and going on would mix the two: "
                f"{'; '.join(changes)}. Choose another name, or change it back."
            )

    def _read(self, path: Path) -> RunState:
        state, identity = read_state(path)
        self._compare(identity, str(path))
        return state

    def states(self) -> list[Path]:
        """The states to go on from, oldest first."""
        return sorted(self.path.glob(f"step_*{STATE_SUFFIX}"))

    def save(self, checkpoint: Checkpoint, keep: int) -> None:
        """Write a checkpoint and remove those beyond the last `keep` and the best.

        Raises: FFGOError where it cannot be written; then it lies in the temporary folder if that has room.
        """
        try:
            self._write(checkpoint, self.path)
            self._tidy(checkpoint.state.best, keep)
        except OSError as error:
            raise FFGOError(self._not_saved(checkpoint, error)) from error

    def _write(self, checkpoint: Checkpoint, folder: Path) -> None:
        name = _name(checkpoint.state.step)
        state, lora = folder / f"{name}{STATE_SUFFIX}", folder / f"{name}.safetensors"
        # The LoRA takes its place first, and the state right after it: who finds the state finds both.
        with complete_file(state) as state_partial, complete_file(lora) as lora_partial:
            write_tensors(lora_partial, checkpoint.lora, checkpoint.metadata)
            write_tensors(state_partial, *state_file(checkpoint.state, self.identity))

    def _tidy(self, best: tuple[int, float] | None, keep: int) -> None:
        kept = _name(best[0]) if best else None
        for state in self.states()[:-keep]:
            name = state.name.removesuffix(STATE_SUFFIX)
            if name != kept:
                state.with_name(f"{name}.safetensors").unlink(missing_ok=True)
                state.unlink()

    def _not_saved(self, checkpoint: Checkpoint, error: OSError) -> str:
        states = self.states()
        last = f"The last good checkpoint is {states[-1].name}." if states else "There is no checkpoint yet."
        name = _name(checkpoint.state.step)
        message = f"The checkpoint {name} could not be written to {self.path} ({error.strerror}). {last}"
        with contextlib.suppress(OSError):
            rescue = Path(tempfile.mkdtemp(prefix="ffgo-rescue-"))
            self._write(checkpoint, rescue)
            return (
                f"{message} It was saved in {rescue} instead: make room, move both files into the run's folder, and "
                f"run again: training goes on after step {checkpoint.state.step}."
            )
        return f"{message} Make room or mend the folder, and run again: training goes on from there."


def _name(step: int) -> str:
    return f"step_{step:06d}"


def _changes(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Differences of two identities, one level deep."""
    changes = []
    for name in dict.fromkeys([*there, *(name for name in now if name in there or name != START_CONTENT)]):
        before, after = there.get(name), now.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            changes += differences(before, after)
        elif before != after:
            changes += differences({name: before}, {name: after})
    return changes
