"""The kinds of patch that a LoRA file can hold: which tensors belong together, and which weight they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor, zeros

Parts = Mapping[str, Tensor]
Shape = tuple[int, ...]

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
    least_dims: int = 2
    """That each of its own tensors has."""
    flat: bool = False
    """Its factors mean the same when each is flattened to a matrix."""

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
    for part in kind.own_parts & parts.keys():
        shape = parts[part].shape
        if len(shape) < (0 if kind.whole else kind.least_dims) or not parts[part].numel():
            raise UnfitError(f"has {part} of {f'shape {_sized(shape)}' if shape else 'a single number'}")
    if "alpha" in parts and parts["alpha"].numel() != 1:
        raise UnfitError(f"has an alpha of {parts['alpha'].numel()} numbers, and one is meant")
    if "reshape_weight" in parts:
        weight = _enlarged(weight, parts["reshape_weight"])
    made = kind.made(parts)
    has = weight if kind.whole else (weight[0], prod(weight[1:]))[: len(made)]
    if made != has:
        raise UnfitError(f"makes {_sized(made)} where the expert has {_sized(has)}")
    _check_kernels(parts, weight)
    if "dora_scale" in parts:
        _check_dora(kind, parts["dora_scale"].shape, weight)


def as_applied(kind: Kind, parts: Parts) -> dict[str, Tensor]:
    """The tensors of a patch that fits, in the shapes that the host reckons with alike, merged and beside a layer."""
    parts = dict(parts)
    if kind.flat and not _CORES & parts.keys():
        parts |= {name: parts[name].flatten(1) for name in kind.own_parts & parts.keys()}
    if kind is LOKR and not {"lokr_w1_b", "lokr_w2_b"} & parts.keys():
        parts.pop("alpha", None)  # means nothing without a rank, and bypass divides it by itself
    if kind is OFT and parts["oft_blocks"].ndim == 4:
        parts.setdefault("alpha", zeros(()))  # merging compares it with a number; 0 = no limit
    return parts


def rank_of(parts: Parts) -> int | None:
    """The rank of a low-rank patch; None for patches without one."""
    if "a1.weight" in parts:
        return parts["a1.weight"].shape[0 if _is_old_glora(parts) else 1]
    return next((parts[name].shape[0] for name in (DOWN, "hada_w1_b", "lokr_w2_b", "lokr_w1_b") if name in parts), None)


def _check_dora(kind: Kind, scale: Shape, weight: Shape) -> None:
    if kind is OFT:
        raise UnfitError("has a dora_scale, which ComfyUI does not apply to OFT")
    by_output, by_input = ((*sizes, *(1,) * (len(weight) - 2)) for sizes in ((weight[0], 1), (1, weight[1])))
    if scale not in (by_output, by_input):
        wanted = f"{_sized(by_output)} or {_sized(by_input)}"
        mend = f" (save it anew with the numbers as {_sized(by_output)})" if scale == weight[:1] else ""
        raise UnfitError(
            f"has a dora_scale of shape {_sized(scale)} where the weight of {_sized(weight)} needs {wanted}{mend}"
        )


def _check_kernels(parts: Parts, weight: Shape) -> None:
    """A factor with a kernel must have the layer's: flattened, a turned one would be another patch."""
    for name in (DOWN, "lokr_w2") if not _CORES & parts.keys() else ():
        if name in parts and parts[name].ndim > 2:
            kernel, own = (tuple(size for size in shape[2:] if size != 1) for shape in (parts[name].shape, weight))
            if kernel != own or (name == DOWN and parts[name].shape[1] != weight[1]):
                raise UnfitError(f"has {name} of shape {_sized(parts[name].shape)} for a weight of {_sized(weight)}")


def _enlarged(weight: Shape, reshape: Tensor) -> Shape:
    """The host can give a convolution more inputs, as control LoRAs do; other layers would not fit their neighbours."""
    if reshape.ndim != 1 or reshape.is_floating_point() or reshape.is_complex():
        raise UnfitError(f"has a reshape_weight of shape {_sized(reshape.shape)} in {reshape.dtype}")
    wanted = tuple(int(size) for size in reshape)
    same_but_inputs = wanted[:1] + wanted[2:] == weight[:1] + weight[2:]
    if wanted != weight and not (len(weight) > 2 and same_but_inputs and wanted[1] > weight[1]):
        raise UnfitError(f"wants the weight enlarged to {_sized(wanted)}, which is {_sized(weight)}")
    return wanted


def _product(left: Tensor, right: Tensor) -> Shape:
    """Shape of the product of two factors, each flattened to a matrix."""
    if prod(left.shape[1:]) != right.shape[0]:
        raise UnfitError(f"has factors of different rank: {_sized(left.shape)} and {_sized(right.shape)}")
    return left.shape[0], prod(right.shape[1:])


def _tucker(core: Tensor, left: Tensor, right: Tensor) -> Shape:
    """Shape of a core with a kernel between two factors; the host knows two-dimensional kernels only.

    left (rank, outputs), right (rank, inputs).
    """
    if core.ndim != 4:
        raise UnfitError(f"has a core of shape {_sized(core.shape)}; ComfyUI applies four-dimensional ones only")
    if core.shape[:2] != (left.shape[0], right.shape[0]):
        ranks = f"{left.shape[0]} and {right.shape[0]}"
        raise UnfitError(f"has a core of shape {_sized(core.shape)} between factors of rank {ranks}")
    return left.shape[1], right.shape[1] * prod(core.shape[2:])


def _lora(parts: Parts) -> Shape:
    if MID not in parts:
        return _product(parts[UP], parts[DOWN])
    up, down = _matrix_of(parts, UP), _matrix_of(parts, DOWN)
    return _tucker(parts[MID], up.T, down)


def _loha(parts: Parts) -> Shape:
    a = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"]
    if "hada_t1" in parts:
        factors = [_matrix_of(parts, name) for name in a]
        first = _tucker(parts["hada_t1"], *factors[:2])
        second = _tucker(parts["hada_t2"], *factors[2:])
    else:
        first, second = _product(parts[a[0]], parts[a[1]]), _product(parts[a[2]], parts[a[3]])
    if first != second:
        raise UnfitError(f"multiplies {_sized(first)} with {_sized(second)}")
    return first


def _lokr(parts: Parts) -> Shape:
    w1 = _matrix(parts["lokr_w1"]) if "lokr_w1" in parts else _product(parts["lokr_w1_a"], parts["lokr_w1_b"])
    if "lokr_w2" in parts:
        w2 = _matrix(parts["lokr_w2"])
    elif "lokr_t2" in parts:
        w2 = _tucker(parts["lokr_t2"], _matrix_of(parts, "lokr_w2_a"), _matrix_of(parts, "lokr_w2_b"))
    else:
        w2 = _product(parts["lokr_w2_a"], parts["lokr_w2_b"])
    return w1[0] * w2[0], w1[1] * w2[1]


def _is_old_glora(parts: Parts) -> bool:
    """The older files hold the factors the other way round: a1 (rank, inputs), a2 (inputs, rank)."""
    rows, columns = parts["a1.weight"].shape[:2]
    return rows < columns


def _glora(parts: Parts) -> Shape:
    a1, a2, b1, b2 = (parts[f"{name}.weight"] for name in ("a1", "a2", "b1", "b2"))
    if _is_old_glora(parts):
        a1, a2, b1, b2 = a2, a1, b2, b1
    inputs = (a1.shape[0], prod(a2.shape[1:]))
    if not a1.shape[1] == a2.shape[0] == b1.shape[1] == b2.shape[0] or inputs[0] != inputs[1]:
        shapes = ", ".join(_sized(factor.shape) for factor in (a1, a2, b1, b2))
        raise UnfitError(f"has factors of different rank: {shapes}")
    return _product(b1, b2)


def _oft(parts: Parts) -> Shape:
    blocks = parts["oft_blocks"].shape
    if len(blocks) > 4 or blocks[-1] != blocks[-2]:
        raise UnfitError(f"has oft_blocks of shape {_sized(blocks)}")
    outputs, size = blocks[-3] * blocks[-1], blocks[-1]
    if len(blocks) == 3 and "rescale" in parts:
        raise UnfitError("has a rescale, which ComfyUI does not apply to OFT")
    if len(blocks) == 4 and (size % 2 or outputs % (2 ** (blocks[0] - 1) * size)):
        raise UnfitError(f"has oft_blocks of shape {_sized(blocks)}, whose butterflies do not fit {outputs} outputs")
    if "rescale" in parts and tuple(size for size in parts["rescale"].shape if size != 1) != (outputs,):
        raise UnfitError(f"has a rescale of shape {_sized(parts['rescale'].shape)} for {outputs} outputs")
    return (outputs,)


def _matrix_of(parts: Parts, name: str) -> Tensor:
    """A factor beside a core: a matrix, or one with ones behind."""
    if prod(parts[name].shape[2:]) != 1:
        raise UnfitError(f"has {name} of shape {_sized(parts[name].shape)} beside a core")
    return parts[name].flatten(1)


def _matrix(tensor: Tensor) -> Shape:
    return tensor.shape[0], prod(tensor.shape[1:])


def _tensor(name: str) -> Callable[[Parts], Shape]:
    return lambda parts: tuple(parts[name].shape)


def _forms(*forms: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(form.split()) for form in forms)


# With a kernel between the factors; what it makes is a convolution's.
_CORES = {MID, "hada_t1", "lokr_t2"}
_SCALED = frozenset({"alpha", "dora_scale"})
_LOHA = "hada_w1_a hada_w1_b hada_w2_a hada_w2_b"

LOKR = Kind(
    "LoKr",
    _forms(
        "lokr_w1 lokr_w2",
        "lokr_w1_a lokr_w1_b lokr_w2",
        "lokr_w1 lokr_w2_a lokr_w2_b",
        "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b",
        "lokr_w1 lokr_w2_a lokr_w2_b lokr_t2",
        "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b lokr_t2",
    ),
    _SCALED,
    _lokr,
    flat=True,
)
OFT = Kind("OFT", _forms("oft_blocks"), _SCALED | {"rescale"}, _oft, least_dims=3)
GLORA = Kind("GLoRA", _forms("a1.weight a2.weight b1.weight b2.weight"), _SCALED, _glora)
KINDS = (
    Kind("LoRA", _forms(f"{UP} {DOWN}"), _SCALED | {MID, "reshape_weight"}, _lora, flat=True),
    Kind("LoHa", _forms(_LOHA, f"{_LOHA} hada_t1 hada_t2"), _SCALED, _loha, flat=True),
    LOKR,
    GLORA,
    OFT,
    Kind("difference", _forms("diff"), frozenset(), _tensor("diff"), whole=True),
    Kind("replacement", _forms("set_weight"), frozenset(), _tensor("set_weight"), whole=True),
)
BIAS = Kind("bias difference", _forms("diff_b"), frozenset(), _tensor("diff_b"), whole=True)
PARTS = frozenset().union(*(kind.own_parts | kind.optional for kind in (*KINDS, BIAS)))


def _listed(parts: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(parts))


def _sized(shape: Shape) -> str:
    return "x".join(map(str, shape))
