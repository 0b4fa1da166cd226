"""SAM2 with untrained weights: which model a file holds, building it, and the masks of the package itself."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ffgo.cutout import sam2 as ours
from ffgo.cutout.hints import Prompts
from ffgo.errors import FFGOError

sam2 = pytest.importorskip("sam2", reason="the optional package sam2 is not installed")
EVERY_KIND = [ours.Variant(version, size) for version in ("2.0", "2.1") for size in ("t", "s", "b+", "l")]


@pytest.fixture(scope="module")
def tiny() -> torch.nn.Module:
    torch.manual_seed(1)
    return ours.build(ours.Variant("2.1", "t"))


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.config)
def test_the_model_is_read_off_its_weights(kind):
    from omegaconf import OmegaConf

    config = OmegaConf.load(Path(sam2.__path__[0]) / kind.config).model
    trunk = config.image_encoder.trunk
    stages = trunk.get("stages", (2, 3, 16, 3))  # the base model's are the code's defaults
    state = {"image_encoder.trunk.patch_embed.proj.weight": torch.zeros(trunk.get("embed_dim", 96), 3, 7, 7)}
    state |= {f"image_encoder.trunk.blocks.{block}.norm1.weight": torch.zeros(1) for block in range(sum(stages))}
    state |= {"no_obj_embed_spatial": torch.zeros(1)} if config.get("no_obj_embed_spatial") else {}
    assert ours.kind_of(ours.state_of({"model": state}, "x"), "x") == kind


def test_checkpoint_layouts(tiny):
    state = tiny.state_dict()
    half = {key: tensor.half() for key, tensor in state.items()}
    for content in ({"model": state}, half):
        model, kind = ours.load(content, "x")
        assert kind == ours.Variant("2.1", "t")
        assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
        weight = "image_encoder.trunk.patch_embed.proj.weight"
        assert torch.allclose(model.state_dict()[weight], state[weight], atol=1e-3)


def test_files_that_are_something_else(tiny):
    with pytest.raises(FFGOError, match="layout of transformers"):
        ours.load({"vision_encoder.x": torch.zeros(1)}, "hf.safetensors")
    with pytest.raises(FFGOError, match=r"'sd.pt' is no SAM2 checkpoint"):
        ours.load({"unet": torch.zeros(1)}, "sd.pt")
    with pytest.raises(FFGOError, match="incomplete"):
        ours.load({k: v for k, v in tiny.state_dict().items() if "mask_decoder" not in k}, "cut.pt")
    with pytest.raises(FFGOError, match="width 96, 11 blocks"):
        ours.load({k: v for k, v in tiny.state_dict().items() if ".blocks.11." not in k}, "odd.pt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_masks_are_the_packages_own(tiny):
    from hydra.core.global_hydra import GlobalHydra
    from sam2.build_sam import build_sam2
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    package = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
    package.load_state_dict(tiny.state_dict())
    picture = np.random.default_rng(1).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    predictor = SAM2ImagePredictor(package)
    predictor.set_image(picture)
    one = Prompts(np.array([[50.0, 40.0]], np.float32), np.array([1], np.int32))
    box = Prompts(box=np.array([20, 10, 150, 100], np.float32))
    masks, scores, _ = predictor.predict(one.points, one.labels, multimask_output=True)
    best = masks[scores.argmax()]
    boxed, _, _ = predictor.predict(box=box.box, multimask_output=False)
    GlobalHydra.instance().clear()  # what other packs do must not matter
    assert np.array_equal(ours.masks(tiny, picture, [one, box]), np.maximum(best, boxed[0]))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(ours, "find_spec", lambda name: None)
    with pytest.raises(FFGOError, match=r"pip install sam2==1.1.0"):
        ours.build(ours.Variant("2.1", "t"))


NO_WEIGHTS = {"image_encoder.trunk.patch_embed.proj.weight": "words"}


@pytest.mark.parametrize("content", [[1, 2], None, "text", {"model": [1]}, {1: 2}, NO_WEIGHTS, {}])
def test_a_file_of_something_else_is_said(content):
    with pytest.raises(FFGOError, match=r"'mine\.pt' is no SAM2 checkpoint"):
        ours.state_of(content, "mine.pt")
