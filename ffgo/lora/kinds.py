"""The kinds of patch that a LoRA file can hold: which tensors belong together, and which weight they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor

Parts = Mapping[str, Tensor]
Shape = tuple[int, ...]

_INNER = ("lora_down.weight", "hada_w1_b", "lokr_w2_b", "lokr_w1_b", "b2.weight")
UP, DOWN, MID = "lora_up.weight", "lora_down.weight", "lora_mid.weight"


class UnfitError(ValueError):
    """The tensors of one patch do not make a patch for the weight; the text says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of patch, `forms` being the sets of tensors that are complete."""

    name: str
    forms: tuple[frozenset[str], ...]
    optional: frozenset[str]
    made: Callable[[Parts], Shape]
    """Shape that the patch makes: a matrix (outputs, inputs), or (outputs,) where any number of inputs fits."""
    whole: bool = False
    """The patch is a tensor of the weight's own shape instead of a matrix."""

    @property
    def own_parts(self) -> frozenset[str]:
        return frozenset().union(*self.forms)


def kinds_in(parts: Parts) -> list[Kind]:
    """Find the kinds that the tensors of one module belong to, the patch of its weight first.

    Raises: UnfitError if a patch is incomplete, if two would go to the same weight, or if a tensor belongs to none.
    """
    found = [kind for kind in KINDS if kind.own_parts & parts.keys()]
    if len(found) > 1:
        raise UnfitError(f"has two patches for one weight: {found[0].name} and {found[1].name}")
    if BIAS.own_parts & parts.keys():
        found.append(BIAS)
    left = set(parts)
    for kind in found:
        present = kind.own_parts & parts.keys()
        if present not in kind.forms:
            missing = min((form - present for form in kind.forms if present <= form), key=len, default=frozenset())
            raise UnfitError(f"has {_listed(present)} but no {_listed(missing)}")
        left -= present | kind.optional
    if left:
        raise UnfitError(f"has {_listed(left)} but no patch that this belongs to")
    return found


def check_fit(kind: Kind, parts: Parts, weight: Shape) -> None:
    """Check a complete patch against the shape of the weight, or of the bias, that it is for.

    Raises: UnfitError.
    """
    if "reshape_weight" in parts:
        weight = _enlarged(weight, parts["reshape_weight"])
    made = kind.made(parts)
    has = weight if kind.whole else (weight[0], prod(weight[1:]))[: len(made)]
    if made != has:
        raise UnfitError(f"makes {_sized(made)} where the expert has {_sized(has)}")
    dora_scale = parts.get("dora_scale")
    if dora_scale is not None and dora_scale.ndim != len(weight):
        raise UnfitError(f"has a dora_scale of {_sized(dora_scale.shape)} for a weight of {_sized(weight)}")


def rank_of(parts: Parts) -> int | None:
    """The rank of a low-rank patch; None for patches without one."""
    return next((parts[name].shape[0] for name in _INNER if name in parts), None)


def _enlarged(weight: Shape, reshape: Tensor) -> Shape:
    wanted = tuple(int(size) for size in reshape)
    if len(wanted) != len(weight) or any(new < old for new, old in zip(wanted, weight, strict=True)):
        raise UnfitError(f"wants the weight enlarged to {_sized(wanted)}, which is {_sized(weight)}")
    return wanted


def _product(left: Tensor, right: Tensor) -> Shape:
    """Shape of the product of two factors, each flattened to a matrix."""
    if prod(left.shape[1:]) != right.shape[0]:
        raise UnfitError(f"has factors of different rank: {_sized(left.shape)} and {_sized(right.shape)}")
    return left.shape[0], prod(right.shape[1:])


def _tucker(out_factor: Shape, in_factor: Shape, core: Tensor) -> Shape:
    """Shape of a Tucker product with a kernel; the host knows two-dimensional kernels only."""
    if core.ndim != 4:
        raise UnfitError(f"has a core of shape {_sized(core.shape)}; ComfyUI applies four-dimensional ones only")
    return out_factor[-1], in_factor[-1] * prod(core.shape[2:])


def _lora(parts: Parts) -> Shape:
    if MID in parts:
        return _tucker(parts[UP].shape[:1], parts[DOWN].shape[:2], parts[MID])
    return _product(parts[UP], parts[DOWN])


def _loha(parts: Parts) -> Shape:
    if "hada_t1" in parts:
        return _tucker(parts["hada_w1_a"].shape, parts["hada_w1_b"].shape, parts["hada_t1"])
    first = _product(parts["hada_w1_a"], parts["hada_w1_b"])
    second = _product(parts["hada_w2_a"], parts["hada_w2_b"])
    if first != second:
        raise UnfitError(f"multiplies {_sized(first)} with {_sized(second)}")
    return first


def _lokr(parts: Parts) -> Shape:
    w1 = _matrix(parts["lokr_w1"]) if "lokr_w1" in parts else _product(parts["lokr_w1_a"], parts["lokr_w1_b"])
    if "lokr_w2" in parts:
        w2 = _matrix(parts["lokr_w2"])
    elif "lokr_t2" in parts:
        w2 = _tucker(parts["lokr_w2_a"].shape, parts["lokr_w2_b"].shape, parts["lokr_t2"])
    else:
        w2 = _product(parts["lokr_w2_a"], parts["lokr_w2_b"])
    return w1[0] * w2[0], w1[1] * w2[1]


def _glora(parts: Parts) -> Shape:
    # The older files hold the factors the other way round.
    b1, b2 = parts["b1.weight"], parts["b2.weight"]
    return _product(b1, b2) if b1.shape[1] == b2.shape[0] else _product(b2, b1)


def _oft(parts: Parts) -> Shape:
    blocks = parts["oft_blocks"]
    return (blocks.shape[-3] * blocks.shape[-1],)


def _matrix(tensor: Tensor) -> Shape:
    return tensor.shape[0], prod(tensor.shape[1:])


def _tensor(*names: str) -> Callable[[Parts], Shape]:
    return lambda parts: next(tuple(parts[name].shape) for name in names if name in parts)


def _forms(*forms: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(form.split()) for form in forms)


_SCALED = frozenset({"alpha", "dora_scale"})
_LOHA = "hada_w1_a hada_w1_b hada_w2_a hada_w2_b"

KINDS = (
    Kind("LoRA", _forms(f"{UP} {DOWN}"), _SCALED | {MID, "reshape_weight"}, _lora),
    Kind("LoHa", _forms(_LOHA, f"{_LOHA} hada_t1 hada_t2"), _SCALED, _loha),
    Kind(
        "LoKr",
        _forms(
            "lokr_w1 lokr_w2",
            "lokr_w1_a lokr_w1_b lokr_w2",
            "lokr_w1 lokr_w2_a lokr_w2_b",
            "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b",
        ),
        _SCALED | {"lokr_t2"},
        _lokr,
    ),
    Kind("GLoRA", _forms("a1.weight a2.weight b1.weight b2.weight"), _SCALED, _glora),
    Kind("OFT", _forms("oft_blocks"), _SCALED | {"rescale"}, _oft),
    Kind("difference", _forms("diff", "w_norm"), frozenset(), _tensor("diff", "w_norm"), whole=True),
    Kind("replacement", _forms("set_weight"), frozenset(), _tensor("set_weight"), whole=True),
)
BIAS = Kind("bias difference", _forms("diff_b", "b_norm"), frozenset(), _tensor("diff_b", "b_norm"), whole=True)
PARTS = frozenset().union(*(kind.own_parts | kind.optional for kind in (*KINDS, BIAS)))


def _listed(parts: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(parts))


def _sized(shape: Shape) -> str:
    return "x".join(map(str, shape))
