"""What the Gemini nodes share: their common inputs, where answers are kept, and what happens without a key."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import folder_paths
from comfy.cli_args import args
from comfy.model_management import processing_interrupted, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io
from torch import Tensor

from ..ffgo.errors import FFGOError
from ..ffgo.gemini.ask import Desk
from ..ffgo.gemini.asking import Asking
from ..ffgo.gemini.desk import TIMEOUT_S, open_desk
from ..ffgo.gemini.key import Access, NoAccessError, find_access
from ..ffgo.gemini.request import CancelledError

Mode = Literal["auto", "gemini", "offline"]
CUSTOM = "custom"
MOST_PICTURES = 12


class TaskResult(Protocol):
    """What a task gives, whether Gemini was asked or not."""

    @property
    def report(self) -> list[str]: ...
    @property
    def warnings(self) -> list[str]: ...


R = TypeVar("R", bound=TaskResult)


def asking_inputs(models: Sequence[str], template: str, offline: str) -> list[io.Input]:
    """The inputs of every Gemini node; `offline` is what the node does without Gemini."""
    return [
        io.Combo.Input(
            "model", options=[*models, CUSTOM], default=models[0], optional=True,
            tooltip="Which Gemini model is asked. `custom`: the one below.",
        ),
        io.String.Input(
            "custom_model", default="", optional=True, advanced=True,
            tooltip="Id of another model, if model is `custom`.",
        ),
        io.String.Input(
            "template", default=template, multiline=True, dynamic_prompts=False, optional=True, advanced=True,
            tooltip="What is written to the model. The words in {braces} are filled in. Empty: the text it came with.",
        ),
        # Not called seed: the page changes a seed after each run, and each change is paid.
        io.Int.Input(
            "variant", default=0, min=0, max=2**31 - 1, optional=True,
            tooltip="Another number asks again, for another answer. The same number never pays twice.",
        ),
        io.Combo.Input(
            "mode", options=["auto", "gemini", "offline"], default="auto", optional=True,
            tooltip=f"`gemini` asks Gemini. `offline` never does: {offline} `auto`: Gemini, or offline where there is "
            "no key. Answers that were paid once come from the cache and need no key.",
        ),
        io.Int.Input(
            "timeout", default=TIMEOUT_S, min=1, max=3600, optional=True, advanced=True,
            tooltip="Seconds to wait for one answer.",
        ),
    ]  # fmt: skip


def pictures_input(tooltip: str) -> io.Input:
    """What a question shows beside its own picture or clip."""
    template = io.Autogrow.TemplatePrefix(io.Image.Input("picture"), "picture", min=0, max=MOST_PICTURES)
    return io.Autogrow.Input("pictures", template=template, tooltip=f"{tooltip} A batch is several.")


def resolution_input() -> io.Input:
    """How large the picture is that a model is asked for."""
    return io.Combo.Input(
        "resolution", options=["1K", "2K", "4K"], default="1K", optional=True, advanced=True,
        tooltip="Of the picture that the model makes, in about 1000 pixels a side. More costs more.",
    )  # fmt: skip


def chosen(model: str, custom_model: str, template: str, variant: int, **more: Any) -> Asking:
    return Asking(custom_model if model == CUSTOM else model, template.strip(), variant, **more)


def ask_or_do_without(mode: Mode, timeout: int, ask: Callable[[Desk], R], do_without: Callable[[], R]) -> R:
    """Ask Gemini, or not, as the mode says; a warning says when and why it was not asked."""
    if mode == "offline":
        return do_without()
    try:
        return ask(_desk(timeout))
    except CancelledError:
        throw_exception_if_processing_interrupted()
        raise
    except NoAccessError as error:
        if mode == "gemini":
            raise
        reason = str(error)
    try:
        result = do_without()
    except FFGOError as error:
        raise FFGOError(f"{reason}\n{error}") from None
    result.warnings.insert(0, reason)
    return result


def has_access() -> bool:
    """For `fingerprint_inputs`: a key that comes or goes changes what a node does."""
    try:
        _access(Path(folder_paths.get_system_user_directory("ffgo")))
    except NoAccessError:
        return False
    return True


def _desk(timeout: int) -> Desk:
    folder = Path(folder_paths.get_system_user_directory("ffgo"))
    bar: list[ProgressBar] = []

    def progress(done: int, total: int) -> None:
        bar.extend([ProgressBar(total)] if not bar else [])
        bar[0].update_absolute(done, total)

    desk = open_desk(folder, lambda: _access(folder), os.environ, timeout)
    desk.cancelled, desk.progress = processing_interrupted, progress
    return desk


def _access(folder: Path) -> Access:
    if args.disable_api_nodes:
        raise NoAccessError("ComfyUI runs with --disable-api-nodes, so nothing is asked of Gemini.")
    return find_access(os.environ, folder)


def one_by_one(pictures: dict[str, Tensor | None] | None) -> list[Tensor]:
    """The pictures of an Autogrow input, batches taken apart; each (1, H, W, C)."""
    return [one[None] for batch in (pictures or {}).values() if batch is not None for one in batch]
