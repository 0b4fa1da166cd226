"""The LoRA layers against autograd and peft's own, and what else they can do."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from ffgo.errors import FFGOError
from ffgo.lora.saving import Factors
from ffgo.training.adapters import Adapters, target_layers
from ffgo.training.recipe import OFFICIAL_TARGETS

from .training_scene import DIM, TEXT_DIM, adapted, small_expert

X = torch.linspace(-2, 2, 2 * 36 * 24).sin().reshape(2, 36, 2, 3, 4)
TEXT = torch.linspace(-1, 1, 12 * TEXT_DIM).reshape(2, 6, TEXT_DIM)
SIGMA = torch.tensor([0.95, 0.2])


def fill_b(adapters: Adapters, size: float = 0.1) -> None:
    """As after some training."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in adapters.layers.values():
            layer.b.copy_(torch.randn(layer.b.shape, generator=generator) * size)


def gradients(adapters: Adapters) -> dict[str, torch.Tensor]:
    loss = adapters.network(X, SIGMA, TEXT).square().mean()
    found = torch.autograd.grad(loss, list(adapters.parameters.values()))
    return dict(zip(adapters.parameters, found, strict=True))


def merged_output(adapters: Adapters, *added: tuple[dict[str, Factors], float]) -> torch.Tensor:
    """Of a network whose weights are W + sum of scale * B @ A."""
    network = small_expert()
    with torch.no_grad():
        for factors, scale in added:
            for name, one in factors.items():
                network.get_parameter(f"{name}.weight").add_(scale * one.b @ one.a)
    return network(X, SIGMA, TEXT)


@pytest.mark.parametrize("alpha", [4.0, 1.0, 10.0])
def test_same_as_pefts_own_layer(alpha):
    ours, theirs = adapted(small_expert(), alpha=alpha), small_expert()
    fill_b(ours)
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=alpha, target_modules=list(OFFICIAL_TARGETS)), theirs)
    layers: dict[str, Any] = {name: theirs.get_submodule(name) for name in ours.layers}
    with torch.no_grad():
        for name, layer in layers.items():
            layer.lora_A.default.weight.copy_(ours.layers[name].a)
            layer.lora_B.default.weight.copy_(ours.layers[name].b)
    output = theirs(X, SIGMA, TEXT)
    assert torch.allclose(ours.network(X, SIGMA, TEXT), output, atol=1e-6)
    output.square().mean().backward()
    found = gradients(ours)
    assert len(found) == 2 * 12
    for name, layer in layers.items():
        for part in "AB":
            wanted = getattr(layer, f"lora_{part}").default.weight.grad
            assert (found[f"{name}.{part}"] - wanted).norm() <= 1e-6 * wanted.norm(), name


def test_a_new_lora_changes_nothing_and_is_drawn_by_its_key():
    one, same, other = (adapted(small_expert(), key=key) for key in (1, 1, 2))
    assert torch.equal(one.network(X, SIGMA, TEXT), small_expert()(X, SIGMA, TEXT))
    a, a_same, a_other = ([layer.a for layer in adapters.layers.values()] for adapters in (one, same, other))
    assert all(map(torch.equal, a, a_same))
    assert not any(map(torch.equal, a, a_other))
    assert not torch.equal(a[0], a[1])  # layers of one shape
    assert all(w.abs().max() <= w.shape[1] ** -0.5 for w in a)


def test_the_base_in_half_precision_keeps_adapters_in_float32():
    adapters = adapted(small_expert().bfloat16())
    fill_b(adapters)
    adapters.network(X.bfloat16(), SIGMA.bfloat16(), TEXT.bfloat16()).float().square().mean().backward()
    for parameter in adapters.parameters.values():
        assert parameter.grad is not None
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        assert parameter.grad.any()


def test_the_targets():
    network = small_expert()
    network.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(DIM, DIM))
    assert len(target_layers(network, OFFICIAL_TARGETS)) == 12
    assert target_layers(network, ("q",)) == ["blocks.0.q", "blocks.1.q"]
    assert target_layers(network, ("time_projection",)) == ["time_projection.1"]
    assert "head.1" not in target_layers(network, (*OFFICIAL_TARGETS, "time_projection"))
    with pytest.raises(FFGOError, match=r"\['query'\] match no layer"):
        target_layers(network, ("q", "query"))


def test_remove_gives_the_network_its_own_layers_back():
    network = small_expert()
    before, weights = dict(network.named_modules()), {n: w.clone() for n, w in network.named_parameters()}
    adapters = adapted(network, targets=("q", "o"))
    fill_b(adapters)
    gradients(adapters)
    adapters.remove()
    assert dict(network.named_modules()) == before
    assert {n: w.data_ptr() for n, w in network.named_parameters()}.keys() == weights.keys()
    assert all(torch.equal(w, weights[n]) for n, w in network.named_parameters())
    assert all(
        "forward" not in vars(m) or getattr(m.forward, "__func__", None) is type(m).forward for m in network.modules()
    )
    assert torch.equal(network(X, SIGMA, TEXT), small_expert()(X, SIGMA, TEXT))
    adapted(network)  # and once more


@pytest.mark.parametrize("part", ["A", "B"])
def test_a_frozen_part_is_not_trained_and_leaves_the_others_gradient(part):
    whole, frozen = adapted(small_expert()), adapted(small_expert())
    fill_b(whole)
    fill_b(frozen)
    frozen.freeze(part)
    wanted, found = gradients(whole), gradients(frozen)
    assert found
    assert all(not name.endswith(f".{part}") for name in found)
    assert all(torch.equal(found[name], wanted[name]) for name in found)
    assert set(found) == {name for name in wanted if not name.endswith(f".{part}")}


def test_a_second_b_on_the_first_ones_a():
    """W + s1 B1 A1 + s2 B2 A1, where only B2 is trained; the first may have another alpha."""
    first = adapted(small_expert(), alpha=2.0, key=1)
    fill_b(first)
    identity = first.factors()
    second = adapted(small_expert(), alpha=8.0, key=2)
    second.add_second_b(identity)
    assert torch.allclose(second.network(X, SIGMA, TEXT), first.network(X, SIGMA, TEXT), atol=1e-6)
    assert all(name.endswith(".B") for name in second.parameters)
    fill_b(second, 0.2)
    motion = second.factors()
    assert all(torch.equal(motion[name].a, identity[name].a) for name in motion)
    wanted = merged_output(second, (identity, 2.0 / 4), (motion, 8.0 / 4))
    assert torch.allclose(second.network(X, SIGMA, TEXT), wanted, atol=1e-5)
    assert not torch.allclose(merged_output(second, (identity, 2.0 / 4)), wanted, atol=1e-3)
    assert all(gradient.any() for gradient in gradients(second).values())


def test_dropout_on_b():
    adapters = adapted(small_expert())
    fill_b(adapters)
    name, layer = next(iter(adapters.layers.items()))
    means = torch.zeros_like(layer.b)
    for step in range(400):
        adapters.drop_from_b(0.3, 1, step)
        means += layer.whole_b.detach() / 400
    assert layer.b_mask is not None
    kept = layer.b_mask > 0
    assert 0.5 < kept.float().mean() < 0.9
    assert float((means / layer.b.detach() - 1).abs().mean()) < 0.05  # the expectation is B itself
    found = gradients(adapters)[f"{name}.B"]
    assert torch.equal(found != 0, kept)
    assert torch.equal(adapters.factors()[name].b, layer.b)  # nothing is left out of the file
    masks = []
    for key in ((1, 5), (1, 5), (1, 6), (2, 5)):
        adapters.drop_from_b(0.5, *key)
        masks.append(layer.b_mask)
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert not torch.equal(masks[0], masks[3])
    others = list(adapters.layers.values())[1].b_mask
    assert others is not None
    assert not torch.equal(masks[0], others)
    adapters.drop_from_b(0)
    assert layer.whole_b is layer.b


def test_starting_from_another_lora():
    first, second = adapted(small_expert(), key=1), adapted(small_expert(), key=2)
    fill_b(first)
    second.load(first.factors())
    assert torch.equal(second.network(X, SIGMA, TEXT), first.network(X, SIGMA, TEXT))
    with pytest.raises(FFGOError, match=r"does not fit the expert or the rank: .* has A \(4, 16\)"):
        adapted(small_expert(), rank=2).load(first.factors())
    with pytest.raises(FFGOError, match=r"has no blocks\.0\.k"):
        second.load(adapted(small_expert(), targets=("q",)).factors())
    with pytest.raises(FFGOError, match="10 layers that would not be trained"):
        adapted(small_expert(), targets=("q",)).load(first.factors())
