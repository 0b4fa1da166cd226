"""Runs inside the host's Python, started by probe.py: small random networks, the host's kind and transformers'."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import comfy
import comfy.sd
import torch
from comfy.clip_vision import ClipVisionModel
from comfy.sd1_clip import SD1ClipModel, SD1Tokenizer
from comfy.supported_models_base import ClipTarget
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

from ffgo.errors import FFGOError
from ffgo.evaluation.embedding import clip_vision_embedder, host_embedder
from ffgo.evaluation.text import clip_model, host_clip, text_alignment

VISION = {
    "model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "hidden_act": "quick_gelu", "image_size": 32, "patch_size": 8, "projection_dim": 16,
    "num_channels": 3, "layer_norm_eps": 1e-5,
}  # fmt: skip
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "projection_dim": 16,
}
PROMPT = "The red robot waves at the boat. " + "It goes on and on " * 40 + "until the end."


def find(folder: str) -> dict:
    """What came of the networks: sizes of their vectors, that they see, and what is said of other files."""
    torch.manual_seed(0)
    vision = ClipVisionModel(dict(VISION))
    vision.load_sd({name: torch.randn_like(value.float()) * 0.1 for name, value in vision.get_sd().items()})
    pictures = [torch.rand(384, 384, 3) * level for level in (0.2, 1.0, 0.6)]
    seen = clip_vision_embedder(vision)([*pictures, pictures[0]])
    path = Path(folder)
    save_file({"a": torch.zeros(2)}, path / "other.safetensors")
    text = clip_model(small_clip(path / "clip"))
    score = text_alignment(text, PROMPT, pictures)
    shutil.rmtree(path / "clip")
    words = small_words(16)
    in_host = text_alignment(host_clip(words, vision), PROMPT, pictures)
    return {
        "vectors": list(seen.shape),
        "lengths": seen.norm(dim=1).tolist(),
        "same": float(seen[0] @ seen[3]),
        "other": float(seen[0] @ seen[1]),
        "no_vision": said(lambda: host_embedder(path / "other.safetensors")),
        "no_clip": said(lambda: clip_model(path)),
        "text": [score.value, score.sentences, score.frames, score.cut_off],
        "text_agrees": agrees(text, pictures[0]),
        "host_text": [in_host.value, in_host.sentences, in_host.frames, in_host.cut_off],
        "of_two": said(lambda: host_clip(small_words(32), vision)),
        "unprojected": said(lambda: host_clip(small_words(16, projected=False), vision)),
        "no_words": said(lambda: host_clip(SimpleNamespace(cond_stage_model=torch.nn.Linear(2, 2)), vision)),
    }


def small_words(width: int, *, projected: bool = True):
    """A random text half, as Load CLIP gives it."""
    config = TEXT | {"hidden_size": width}
    clip = comfy.sd.CLIP(ClipTarget(SD1Tokenizer, SD1ClipModel), model_options={"clip_l_model_config": config})
    for name, weight in clip.cond_stage_model.named_parameters():
        lacks = "text_projection" in name and not projected
        weight.data = torch.zeros_like(weight.data) if lacks else torch.randn_like(weight.data.float()) * 0.1
    return clip


def small_clip(folder: Path) -> Path:
    """A random CLIP model, saved as transformers does it, with the tokenizer that ComfyUI has."""
    config = CLIPConfig(text_config=TEXT | {"vocab_size": 49408}, vision_config=VISION, projection_dim=16)
    CLIPModel(config).save_pretrained(folder)
    for path in (Path(comfy.__path__[0]) / "sd1_tokenizer").iterdir():
        shutil.copy(path, folder)
    return folder


def agrees(text, picture: torch.Tensor) -> float:
    """The largest difference to transformers' own similarity of one picture and one sentence."""
    sized = torch.nn.functional.interpolate(picture[None].movedim(-1, 1), (32, 32), mode="bicubic", antialias=True)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
    tokens = text.tokenizer(["The red robot waves."], return_tensors="pt")
    with torch.inference_mode():
        whole = text.model(**tokens, pixel_values=(sized.clamp(0, 1) - mean) / deviation)
    theirs = float((whole.text_embeds @ whole.image_embeds.T).squeeze())
    return abs(text_alignment(text, "The red robot waves.", [picture]).value - theirs)


def said(attempt) -> str:
    try:
        attempt()
    except FFGOError as error:
        return str(error)
    return ""
