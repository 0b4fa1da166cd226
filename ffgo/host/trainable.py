"""An expert that gradients go through, whatever kind of weights it keeps and wherever they lie."""

import contextlib
import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu
from torch.utils.checkpoint import checkpoint

from ..bases.base import Base
from .loading import ExpertShape, Model, check_expert


@dataclass(frozen=True, slots=True)
class TrainableExpert:
    """An expert on its device, its own weights frozen."""

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    """The dtype that its layers compute in."""
    shape: ExpertShape
    checkpointing: bool
    offload_block_inputs: bool

    def predict(self, x: Tensor, sigma: Tensor, text: Tensor, vision: Tensor | None = None) -> Tensor:
        """The velocity (B, C, T, h, w) of noised latents and condition (B, inputs, T, h, w) at sigma (B,) or (B, T).

        vision (B, tokens, width): the first frame as CLIP vision sees it, for bases that take it.
        """
        seen = {} if vision is None else {"clip_fea": vision.to(self.dtype)}
        options = {"optimized_attention_override": _attention} | self._block_options(vision)
        timestep = sigma * 1000  # the sigma is shifted already; float32, as the sinusoid wants it
        return self.network(x.to(self.dtype), timestep, text.to(self.dtype), transformer_options=options, **seen)

    def _block_options(self, vision: Tensor | None) -> dict[str, Any]:
        if not (self.checkpointing and torch.is_grad_enabled()):
            return {}
        arguments = _two_streams if self.shape.base.two_streams else partial(_one_stream, vision)
        # Our own reference to each block: the host's `original_block` means, on the way back, always the last one.
        replace = {
            ("double_block", index): partial(_checkpointed_block, block, self.offload_block_inputs, arguments)
            for index, block in enumerate(self.network.get_submodule(self.shape.base.blocks).children())
        }
        return {"patches_replace": {"dit": replace}}


def _one_stream(vision: Tensor | None, args: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a Wan block takes, and which of the host's names it goes by on the way out."""
    fixed = {"e": args["vec"], "freqs": args["pe"], "context": args["txt"]}
    return fixed | {"context_img_len": None if vision is None else vision.shape[-2]}, ("img",)


def _two_streams(args: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The same of a Hunyuan block, which carries the text along."""
    fixed = {
        "vec": args["vec"], "pe": args["pe"], "attn_mask": args["attention_mask"],
        "modulation_dims_img": args["modulation_dims_img"], "modulation_dims_txt": args["modulation_dims_txt"],
    }  # fmt: skip
    return fixed, ("img", "txt")


def _checkpointed_block(
    block: nn.Module, offload: bool, arguments: Any, args: Mapping[str, Any], _: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Run a block, keep its inputs only, and run it again on the way back."""
    fixed, streams = arguments(args)
    options = dict(args["transformer_options"])

    def run(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        # Copies where the block writes into what it gets: its inputs are needed again.
        own = inputs if len(streams) == 1 else tuple(one.clone() for one in inputs)
        return block(*own, **fixed, transformer_options=options)

    with save_on_cpu(pin_memory=args["img"].is_cuda) if offload else contextlib.nullcontext():
        outputs = checkpoint(run, *(args[name] for name in streams), use_reentrant=False, preserve_rng_state=False)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return dict(zip(streams, cast(tuple[Tensor, ...], outputs), strict=True))


def _attention(_: Any, *args: Any, **kwargs: Any) -> Tensor:
    """PyTorch's own attention, whatever the host was started with: others cannot go backward."""
    from comfy.ldm.modules.attention import attention_pytorch

    return attention_pytorch(*args, **kwargs)


def read_weight(layer: nn.Module, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A layer's weight, off-loaded, quantised or patched as it may be."""
    from comfy.ops import cast_bias_weight, uncast_bias_weight

    weight, bias, stream = cast_bias_weight(layer, dtype=dtype, device=device, bias_dtype=dtype, offloadable=True)
    full = weight.dequantize() if hasattr(weight, "dequantize") and type(weight) is not Tensor else weight
    if stream is not None:
        full = full.clone()  # the host takes the buffer back
    uncast_bias_weight(layer, weight, bias, stream)
    return full.to(dtype)


def memory_of(model: Model) -> int:
    """Bytes of the card that the model is loaded to, or of main memory."""
    import comfy.model_management as management

    return int(cast(float, management.get_total_memory(model.load_device)))


@contextlib.contextmanager
def trainable_expert(
    model: Model, *, checkpointing: bool, offload_block_inputs: bool, working_bytes: int = 0
) -> Iterator[TrainableExpert]:
    """Load the expert and keep it loaded, its weights frozen, gradients allowed; give all back at the end.

    working_bytes: what training needs on the card besides the expert; the host leaves them free.
    Raises: FFGOError as `check_expert`.
    """
    import comfy.model_management as management

    shape = check_expert(model)
    # A dynamically loaded model streams its weights in a way that gradients cannot go through.
    patcher = model.clone(disable_dynamic=True) if model.is_dynamic() else model.clone()
    if patcher.model.get_dtype_inference() == torch.float16 and management.should_use_bf16(patcher.load_device):
        patcher.set_model_compute_dtype(torch.bfloat16)  # gradients leave the range of float16
    # A model that Python collects while the host walks through its list of models breaks that walk, and its queue.
    gc.collect()
    # Still in the inference mode that the host runs nodes in: it could not move quantised weights again that it had
    # moved out of it.
    management.unload_all_models()
    management.load_models_gpu([patcher], memory_required=working_bytes)
    network = patcher.model.diffusion_model
    with torch.inference_mode(False), torch.enable_grad():
        _make_usable(network)
        dtype = patcher.model.get_dtype_inference()
        training_before, management.in_training = management.in_training, True
        try:
            with _norms_keep_copies(network, shape.base):
                yield TrainableExpert(network, patcher.load_device, dtype, shape, checkpointing, offload_block_inputs)
        finally:
            management.in_training = training_before


@contextlib.contextmanager
def _norms_keep_copies(network: nn.Module, base: Base) -> Iterator[None]:
    """Hunyuan's blocks write into their streams, which their norms keep for the way back: each norm gets a copy."""
    blocks = network.get_submodule(base.blocks).children() if base.two_streams else ()
    norms = [module for block in blocks for name, module in block.named_children() if "norm" in name]
    hooks = [norm.register_forward_pre_hook(lambda _, args: (args[0].clone(), *args[1:])) for norm in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _make_usable(network: nn.Module) -> None:
    """Freeze all weights, and copy the small ones that were made in inference mode: such tensors know no way back.

    Linear weights stay as they are: the adapters keep them out of the graph.
    """
    network.requires_grad_(False)
    for module in network.modules():
        if hasattr(module, "in_features"):
            continue
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.is_inference():
                setattr(module, name, nn.Parameter(parameter.detach().clone(), requires_grad=False))
