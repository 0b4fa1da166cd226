"""Runs inside the host's Python, started by probe.py: each base that has one model, from its weights to its LoRA."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.model_management as mm
import comfy.sd
import torch
from boot import BASE as FOLDER
from comfy.ldm.modules.attention import attention_pytorch
from comfy.ldm.wan.model import sinusoidal_embedding_1d
from diffusers.models.transformers.transformer_hunyuan_video15 import HunyuanVideo15Transformer3DModel
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import save_file

from lab.workshop.standins import EXPERT, SHORT_NAMES, random_expert, random_weights_of

host_nodes: Any = importlib.import_module("nodes")  # the host's; a type checker finds the pack's
DEFAULT_SHAPE, TOKENS, SEEN = (3, 4, 6), 7, 5
PARTS = (
    "bases.catalogue", "bases.condition", "dataset.encoded", "errors", "host.loading", "host.trainable", "lora.file",
    "lora.saving", "training.adapters", "training.draws", "training.recipe", "training.presets", "training.run",
    "training.step",
)  # fmt: skip
ours = SimpleNamespace(**{part.rpartition(".")[2]: importlib.import_module(f"pack.ffgo.{part}") for part in PARTS})
PYTORCH = {"optimized_attention_override": lambda _, *args, **kwargs: attention_pytorch(*args, **kwargs)}
CPU = torch.device("cpu")
LORAS = FOLDER / "models" / "loras"
LORAS.mkdir(parents=True, exist_ok=True)
ONLY = [base for base in ours.catalogue.BASES if not base.is_pair]
_loaded: dict[str, Any] = {}


class Examples:
    """Two random ones of a base."""

    names, shapes, fingerprint, weights = ["one", "two"], [DEFAULT_SHAPE] * 2, "random", (1.0, 1.0)
    memory = 1

    def __init__(self, base):
        self.base = base

    def __len__(self):
        return 2

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
        latents = draw(self.base.latent.channels, *DEFAULT_SHAPE)
        frames = self.base.frames_of(DEFAULT_SHAPE[0])
        rest = None if self.base.condition.fill is None else draw(*latents.shape)
        told = ours.condition.condition(self.base, {0: latents[:, 0]}, frames, rest)
        vision = draw(SEEN, self.base.condition.vision_width) if self.base.condition.vision else None
        return ours.encoded.EncodedExample(latents, told, draw(TOKENS, self.base.text_width), vision)


class Watch:
    def __init__(self):
        self.losses = []

    def stepped(self, report):
        self.losses.append(report.loss)

    def wants_to_stop(self):
        return False


def weights_of(base) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    theirs = importlib.import_module("ffgo.bases.catalogue")  # lab's own copy of the pack
    return random_weights_of(theirs.base_called(base.id))


def model_of(base):
    if base.id not in _loaded:
        path = FOLDER / f"{SHORT_NAMES[base.id]}.safetensors"
        save_file(weights_of(base), path)
        with torch.inference_mode():
            _loaded[base.id] = comfy.sd.load_diffusion_model(str(path))
    return _loaded[base.id]


def inputs_of(base, sigma: float = 0.6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """What one example is to the network."""
    sample = ours.step.draw_sample("one", Examples(base)[0], sigma, 1)
    latents, noise, told = (one[None] for one in (sample.latents_CThw, sample.noise_CThw, sample.condition_CThw))
    noised = (1 - sigma) * latents + sigma * noise
    x, time = ours.condition.told(base, noised, latents, told, torch.tensor([sigma]))
    return x, time, sample.text[None], {} if sample.vision is None else {"vision": sample.vision[None]}


def forward(model, base) -> torch.Tensor:
    """The network as the sampler would call it, with PyTorch's attention."""
    x, time, text, seen = inputs_of(base)
    clip_fea = {"clip_fea": seen["vision"]} if seen else {}
    with torch.inference_mode():
        mm.load_models_gpu([model])
        return model.model.diffusion_model(x, time * 1000, text, transformer_options=dict(PYTORCH), **clip_fea).float()


def trained(base) -> dict[str, Any]:
    """A run of a few steps by the same door as the node, and its file in the host's own loader."""
    model = model_of(base)
    recipe = ours.recipe.with_values(
        ours.presets.preset("12 GB", base),
        {"steps": 6, "rank": 4, "learning_rate": 2e-2, "accumulation": 2, "clip_norm": 0.0, "optimizer": "adamw"},
    )
    watch, said = Watch(), []
    runs, loras = FOLDER / "runs", LORAS
    job = ours.run.TrainingRun(SHORT_NAMES[base.id], "only", recipe, Examples(base), runs=runs, loras=loras)
    with torch.inference_mode():
        finished = ours.run.train_expert(model, job, lambda _: watch, said.extend)
    loader = ours.trainable.trainable_expert(model, checkpointing=True, offload_block_inputs=False)
    with torch.inference_mode(), loader as expert:
        adapters = ours.adapters.add_adapters(
            expert.network, recipe.targets, rank=recipe.rank, alpha=recipe.alpha, read=ours.trainable.read_weight,
            device=CPU, key=1,
        )  # fmt: skip
        adapters.load(ours.saving.factors_of(ours.file.read_lora(job.file, job.file.name).tensors, "the file"))
        x, time, text, seen = inputs_of(base)
        with torch.no_grad():
            training = expert.predict(x, time, text, **seen).float()
        adapters.remove()
    stock = host_nodes.LoraLoaderModelOnly().load_lora_model_only(model, job.file.name, 1.0)[0]
    own, layers = load_with_ours(base, model, job.file)
    result = {
        "words": said, "losses": watch.losses, "metadata": dict(finished.lora.metadata), "shift": recipe.shift,
        "layers": len(finished.lora) // 3,
        "without": difference(forward(model, base), training), "stock": difference(forward(stock, base), training),
        "ours": difference(forward(own, base), training), "loaded": layers,
    }  # fmt: skip
    mm.unload_all_models()
    return result


def load_with_ours(base, model, path: Path) -> tuple[Any, int]:
    """As FFGo LoRA Loader does, and how many layers it put on."""
    patching = importlib.import_module("pack.nodes.experts._patching")
    keys = importlib.import_module("pack.ffgo.lora.keys")
    assert patching.require_single(model, "model") == base
    lora = keys.translate(ours.file.read_lora(path, path.name), patching.expert_weights(model), "only", base=base)
    return patching.apply_lora(model, lora, 1.0, "merge")[0], len(lora.patches)


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def ways(base) -> dict[str, Any]:
    """Loss and gradients with checkpointed blocks against plain ones, and what the network was called with."""
    samples = [ours.step.draw_sample("", Examples(base)[i], 0.3 + 0.4 * i, i) for i in range(2)]
    recipe, model, found = ours.presets.preset("12 GB", base), model_of(base), {}
    times: list[torch.Tensor] = []
    for checkpointing in (False, True):
        loader = ours.trainable.trainable_expert(model, checkpointing=checkpointing, offload_block_inputs=False)
        with torch.inference_mode(), loader as expert:
            adapters = ours.adapters.add_adapters(
                expert.network, recipe.targets, rank=4, alpha=4.0, read=ours.trainable.read_weight, device=CPU, key=1
            )
            fill_b(adapters.layers)
            watched = expert.network.register_forward_pre_hook(lambda _, args: times.append(args[1].clone()))
            loss = ours.step.velocity_loss(expert.predict, samples, CPU, 50.0, base)
            loss.sum().backward()
            watched.remove()
            found[checkpointing] = (loss.detach(), {n: p.grad.clone() for n, p in adapters.parameters.items()})
            adapters.remove()
    (loss, plain), (again, checkpointed) = found[False], found[True]
    return {
        "loss": float((loss - again).abs().max()),
        "gradients": max(float((plain[n] - checkpointed[n]).abs().max()) for n in plain),
        "idle": [n for n in plain if not plain[n].any()],
        "times": [round(float(t), 3) for t in times[0].flatten()],
        "recognised": ours.loading.check_expert(model).base.id,
        "words": ours.loading.check_expert(model).words,
    }


def fill_b(layers) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in layers.values():
            layer.b.copy_(torch.randn(layer.b.shape, generator=generator) * 0.05)


WAN_NAMES = {
    "self_attn.": "attn1.", "cross_attn.": "attn2.", ".q.": ".to_q.", ".k.": ".to_k.", ".v.": ".to_v.",
    ".o.": ".to_out.0.", "norm3.": "norm2.", "ffn.0.": "ffn.net.0.proj.", "ffn.2.": "ffn.net.2.",
    "head.modulation": "scale_shift_table", ".modulation": ".scale_shift_table", "head.head.": "proj_out.",
    "time_embedding.0.": "condition_embedder.time_embedder.linear_1.",
    "time_embedding.2.": "condition_embedder.time_embedder.linear_2.",
    "text_embedding.0.": "condition_embedder.text_embedder.linear_1.",
    "text_embedding.2.": "condition_embedder.text_embedder.linear_2.",
    "time_projection.1.": "condition_embedder.time_proj.",
}  # fmt: skip


def clamp_oracle() -> float:
    """The loss of TI2V-5B against diffusers' network, told a time a token as its pipeline tells it."""
    base = ours.catalogue.WAN22_TI2V_5B
    channels = base.latent.channels
    theirs: Any = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=128, in_channels=channels, out_channels=channels, num_layers=2,
        ffn_dim=EXPERT["ffn_dim"], cross_attn_norm=True, text_dim=base.text_width,
    )  # fmt: skip
    theirs.condition_embedder.timesteps_proj.forward = lambda t: sinusoidal_embedding_1d(256, t)
    weights = weights_of(base)
    theirs.load_state_dict({wan_name(name): weight for name, weight in weights.items()})
    samples = [ours.step.draw_sample("", Examples(base)[i], 0.3 + 0.4 * i, i) for i in range(2)]
    wanted = []
    for sample in samples:
        x0, noise = sample.latents_CThw[None], sample.noise_CThw[None]
        mask = torch.ones(1, 1, *DEFAULT_SHAPE)
        mask[:, :, 0] = 0  # as pipeline_wan_i2v with expand_timesteps
        model_input = (1 - mask) * x0 + mask * ((1 - sample.sigma) * x0 + sample.sigma * noise)
        timestep = (mask[0, 0, :, ::2, ::2] * sample.sigma * 1000).flatten()[None]
        with torch.no_grad():
            velocity = theirs(model_input, timestep, sample.text[None], return_dict=False)[0]
        wanted.append(torch.nn.functional.mse_loss(velocity[:, :, 1:], (noise - x0)[:, :, 1:]))
    loader = ours.trainable.trainable_expert(model_of(base), checkpointing=False, offload_block_inputs=False)
    with torch.inference_mode(), loader as expert, torch.no_grad():
        found = ours.step.velocity_loss(expert.predict, samples, CPU, 50.0, base)
    return float(((found - torch.stack(wanted)) / torch.stack(wanted)).abs().max())


HUNYUAN_NAMES = {
    "double_blocks.": "transformer_blocks.", "img_mod.lin.": "norm1.linear.", "txt_mod.lin.": "norm1_context.linear.",
    "img_attn.norm.query_norm.": "attn.norm_q.", "img_attn.norm.key_norm.": "attn.norm_k.",
    "txt_attn.norm.query_norm.": "attn.norm_added_q.", "txt_attn.norm.key_norm.": "attn.norm_added_k.",
    "img_attn.proj.": "attn.to_out.0.", "txt_attn.proj.": "attn.to_add_out.", "img_mlp.0.": "ff.net.0.proj.",
    "img_mlp.2.": "ff.net.2.", "txt_mlp.0.": "ff_context.net.0.proj.", "txt_mlp.2.": "ff_context.net.2.",
    "txt_in.individual_token_refiner.blocks.": "context_embedder.token_refiner.refiner_blocks.",
    "adaLN_modulation.1.": "norm_out.linear.", ".self_attn.proj.": ".attn.to_out.0.", ".mlp.0.": ".ff.net.0.proj.",
    ".mlp.2.": ".ff.net.2.", "txt_in.input_embedder.": "context_embedder.proj_in.",
    "txt_in.t_embedder.": "context_embedder.time_text_embed.timestep_embedder.",
    "txt_in.c_embedder.": "context_embedder.time_text_embed.text_embedder.", "in_layer.": "linear_1.",
    "out_layer.": "linear_2.", "time_in.": "time_embed.timestep_embedder.", "img_in.": "x_embedder.",
    "byt5_in.layernorm.": "context_embedder_2.norm.", "byt5_in.fc": "context_embedder_2.linear_",
    "vision_in.proj.0.": "image_embedder.norm_in.", "vision_in.proj.1.": "image_embedder.linear_1.",
    "vision_in.proj.3.": "image_embedder.linear_2.", "vision_in.proj.4.": "image_embedder.norm_out.",
    "cond_type_embedding.": "cond_type_embed.", "final_layer.norm_out.": "norm_out.",
    "final_layer.linear.": "proj_out.",
}  # fmt: skip
APART = {
    "img_attn.qkv.": ("attn.to_q.", "attn.to_k.", "attn.to_v."),
    "txt_attn.qkv.": ("attn.add_q_proj.", "attn.add_k_proj.", "attn.add_v_proj."),
    "self_attn.qkv.": ("attn.to_q.", "attn.to_k.", "attn.to_v."),
}


def hunyuan_weights(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As diffusers names and divides them; its last norm has scale before shift."""
    theirs = {}
    for name, weight in weights.items():
        own = torch.cat(weight.chunk(2)[::-1]) if name.startswith("final_layer.adaLN") else weight
        whole = next((part for part in APART if part in name), None)
        names = [name.replace(whole, one) for one in APART[whole]] if whole else [name]
        for one, part in zip(names, own.chunk(len(names)), strict=True):
            renamed = one
            for here, there in HUNYUAN_NAMES.items():
                renamed = renamed.replace(here, there)
            theirs[renamed] = part
    return theirs


def hunyuan_oracle() -> float:
    """The loss of Hunyuan Video 1.5 against diffusers' network."""
    base = ours.catalogue.HUNYUAN_15_I2V
    theirs: Any = HunyuanVideo15Transformer3DModel(num_attention_heads=2, num_layers=2)
    theirs.load_state_dict(hunyuan_weights(weights_of(base)))
    samples = [ours.step.draw_sample("", Examples(base)[i], 0.3 + 0.4 * i, i) for i in range(2)]
    wanted = []
    for sample in samples:
        x0, noise = sample.latents_CThw[None], sample.noise_CThw[None]
        noised = (1 - sample.sigma) * x0 + sample.sigma * noise
        with torch.no_grad():
            velocity = theirs(
                torch.cat([noised, sample.condition_CThw[None]], 1), torch.tensor([sample.sigma * 1000]),
                sample.text[None], torch.ones(1, TOKENS), encoder_hidden_states_2=torch.zeros(1, 1, 1472),
                encoder_attention_mask_2=torch.zeros(1, 1), image_embeds=sample.vision[None], return_dict=False,
            )[0]  # fmt: skip
        wanted.append(torch.nn.functional.mse_loss(velocity, noise - x0))
    loader = ours.trainable.trainable_expert(model_of(base), checkpointing=False, offload_block_inputs=False)
    with torch.inference_mode(), loader as expert, torch.no_grad():
        found = ours.step.velocity_loss(expert.predict, samples, CPU, 50.0, base)
    return float(((found - torch.stack(wanted)) / torch.stack(wanted)).abs().max())


def wan_name(name: str) -> str:
    for here, there in WAN_NAMES.items():
        name = name.replace(here, there)
    return name


def pairs() -> Iterator[tuple[str, str]]:
    """What is said of the model of one base with the dataset and the LoRA of another, for all pairs that differ."""
    patching = importlib.import_module("pack.nodes.experts._patching")
    for base in ONLY:
        model = model_of(base)
        yield f"{base.title} in the pair's loader", said(lambda m=model: patching.require_pair(m, "model_high"))
        for other in ours.catalogue.BASES:
            if other == base:
                continue
            name = SHORT_NAMES.get(other.id, "a14b")
            job = ours.run.TrainingRun(
                "pair", "only", ours.recipe.Recipe(), Examples(other), runs=FOLDER / "pairs", loras=FOLDER / "pairs"
            )
            yield f"{base.title} trains {other.title}", said(lambda j=job, m=model: train(m, j))
            path = FOLDER / f"lora_of_{name}.safetensors"
            expert = other.names()[0]
            save_file({"a": torch.zeros(1)}, path, {"ffgo.base": other.id, "ffgo.expert": expert})
            file = ours.file.read_lora(path, path.name)
            yield (
                f"{base.title} loads {other.title}",
                said(lambda f=file, b=base: ours.file.check_slots({"only": f}, b)),
            )
            if not (FOLDER / "pairs").exists():
                continue
            yield f"{base.title} trains {other.title}", "something was written"
    for other in ONLY:
        path = FOLDER / f"lora_of_{SHORT_NAMES[other.id]}.safetensors"
        file = ours.file.read_lora(path, path.name)
        title = ours.catalogue.DEFAULT.title
        yield f"{title} loads {other.title}", said(lambda f=file: ours.file.check_slots({"high": f, "low": f}))
        job = ours.run.TrainingRun(
            "pair", "high", ours.recipe.Recipe(), Examples(other), runs=FOLDER / "pairs", loras=FOLDER / "pairs"
        )
        yield f"{title} trains {other.title}", said(lambda j=job: train(one_of_the_pair(), j))
    yield (
        "an expert of the pair in the other loader",
        said(lambda: patching.require_single(one_of_the_pair(), "model")),
    )


def one_of_the_pair():
    if "pair" not in _loaded:
        path = FOLDER / "one_of_a_pair.safetensors"
        save_file(random_expert(), path)
        with torch.inference_mode():
            _loaded["pair"] = comfy.sd.load_diffusion_model(str(path))
    return _loaded["pair"]


def train(model, job):
    with torch.inference_mode():
        ours.run.train_expert(model, job, lambda _: Watch(), lambda _: None)


class KnownVAE:
    """Encodes any frame to the same latents."""

    latent_channels = 16

    def __init__(self, first):
        self.first, self.frames = first, 0

    def spacial_compression_encode(self):
        return 8

    def encode(self, frames):
        self.frames = len(frames)
        return self.first[None, :, None]


def as_the_host_tells(base) -> dict[str, bool]:
    """What the sampler gives the network of a known first latent, by the host's own node, against ours."""
    model, (frames, height, width) = model_of(base).model, base.pixel_shape(DEFAULT_SHAPE)
    raw = torch.randn(base.latent.channels, *DEFAULT_SHAPE[1:], generator=torch.Generator().manual_seed(5))
    first = model.process_latent_in(raw[None, :, None])[0, :, 0]  # in the network's own scale
    made = ours.condition.condition(base, {0: first}, frames)
    start, vae = torch.rand(1, height, width, 3), KnownVAE(raw)
    noised = torch.randn(1, base.latent.channels, *DEFAULT_SHAPE)
    if base.condition.kind == "clamp":
        node = importlib.import_module("comfy_extras.nodes_wan").Wan22ImageToVideoLatent
        latent = node.execute(vae, width, height, frames, 1, start_image=start).result[0]
        given = model.process_latent_in(latent["samples"])
        mask = latent["noise_mask"]
        theirs = noised * mask + given * (1 - mask)  # as comfy.samplers.KSamplerX0Inpaint
        time = model.process_timestep(torch.tensor([600.0]), noised, denoise_mask=mask.expand(1, 1, *DEFAULT_SHAPE))
        clean = torch.zeros_like(noised)
        clean[:, :, 0] = first
        x, sigma = ours.condition.told(base, noised, clean, made[None], torch.tensor([0.6]))
        return {"inputs": torch.allclose(x, theirs, atol=1e-6), "times": torch.allclose(sigma * 1000, time)}
    node = importlib.import_module("comfy_extras.nodes_hunyuan").HunyuanVideo15ImageToVideo
    conditioning = [[torch.zeros(1, 1, 4), {}]]
    told = node.execute(conditioning, conditioning, vae, width, height, frames, 1, start_image=start).result[0][0][1]
    concat = model.concat_cond(noise=noised, device=CPU, **{k: v.clone() for k, v in told.items()})
    return {"condition": torch.allclose(made[None], concat, atol=1e-6), "one frame": vae.frames == 1}


def said(work) -> str:
    try:
        work()
    except ours.errors.FFGOError as error:
        return str(error)
    return "nothing"


def find() -> dict[str, Any]:
    found: dict[str, Any] = {"hunyuan": hunyuan_oracle(), "pairs": dict(pairs()), "oracle": clamp_oracle()}
    concat_with_zeros = [base for base in ONLY if base.condition.fill is None]
    found["told"] = {base.id: as_the_host_tells(base) for base in concat_with_zeros}
    found["ways"] = {base.id: ways(base) for base in ONLY}
    found["trained"] = {base.id: trained(base) for base in ONLY}
    return found
