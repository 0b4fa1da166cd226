"""Transition Prompt and Expert Switch in the real host."""

import random

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

STEPS_TABLE = [(50, 5.0, 18), (20, 5.0, 8), (8, 5.0, 3), (4, 5.0, 2), (20, 8.0, 10)]


def switch_graph(steps: int, shift: float, **inputs) -> dict:
    return {
        "model": {
            "class_type": "UNETLoader",
            "inputs": {"unet_name": "standin_high_noise.safetensors", "weight_dtype": "default"},
        },
        "shift": {"class_type": "ModelSamplingSD3", "inputs": {"model": ["model", 0], "shift": shift}},
        "switch": {"class_type": "FFGOWanExpertSwitch", "inputs": {"model": ["shift", 0], "steps": steps, **inputs}},
        "show": {"class_type": "PreviewAny", "inputs": {"source": ["switch", 0]}},
        "high": {"class_type": "PreviewAny", "inputs": {"source": ["switch", 1]}},
        "low": {"class_type": "PreviewAny", "inputs": {"source": ["switch", 2]}},
    }


@pytest.mark.parametrize(("steps", "shift", "high"), STEPS_TABLE)
def test_switch_step(host, steps, shift, high):
    outputs = host.run(switch_graph(steps, shift, scheduler="simple", boundary=0.9))
    assert outputs["show"]["text"] == [str(high)]
    assert outputs["switch"]["text"] == [f"{high} high-noise + {steps - high} low-noise steps"]
    (strip,) = outputs["switch"]["images"]
    with Image.open(host.base / "temp" / strip["subfolder"] / strip["filename"]) as picture:
        edge = 16 + 608 * high / steps
        assert picture.getpixel((edge - 4, 70)) == (0xD1, 0x60, 0x1F)
        assert picture.getpixel((edge + 4, 70)) == (0x3A, 0x86, 0xD6)


def test_defaults_are_official(host):
    inputs = host.get("/object_info/FFGOWanExpertSwitch")["FFGOWanExpertSwitch"]["input"]["optional"]
    assert {name: inputs[name][1]["default"] for name in ("steps", "scheduler", "boundary")} == {
        "steps": 50, "scheduler": "simple", "boundary": 0.9
    }  # fmt: skip
    assert host.run(switch_graph(50, 5.0))["show"]["text"] == ["18"]


def test_one_step_is_an_error_that_mends(host):
    with pytest.raises(Exception, match="at least 2 steps"):
        host.run(switch_graph(1, 5.0))


def test_500_random_schedules_follow_the_rule(probes):
    draw = random.Random(7)
    schedulers = [
        "simple",
        "normal",
        "beta",
        "sgm_uniform",
        "karras",
        "exponential",
        "ddim_uniform",
        "linear_quadratic",
        "kl_optimal",
    ]
    cases = [
        [draw.randint(2, 60), draw.uniform(1, 12), draw.choice(schedulers), round(draw.uniform(0.6, 0.99), 3)]
        for _ in range(480)
    ] + [
        [steps, shift, "simple", boundary]
        for steps in (10, 14, 20, 28)
        for shift in (1.0, 5.0)
        for boundary in (0.5, 0.9)
    ]
    assert probes.ask("switch_probe", cases) == []


def test_prompt_reaches_the_next_node(host):
    outputs = host.run(
        {
            "prompt": {
                "class_type": "FFGOTransitionPrompt",
                "inputs": {"prompt": "AD23R2 the camera  view suddenly changes A cat."},
            },
            "show": {"class_type": "PreviewAny", "inputs": {"source": ["prompt", 0]}},
        }
    )
    assert outputs["show"]["text"] == ["ad23r2 the camera view suddenly changes. A cat."]


def test_empty_prompt_is_an_error(host):
    with pytest.raises(Exception, match="The prompt is empty"):
        host.run(
            {
                "prompt": {"class_type": "FFGOTransitionPrompt", "inputs": {"prompt": " "}},
                "show": {"class_type": "PreviewAny", "inputs": {"source": ["prompt", 0]}},
            }
        )


def test_a_lora_of_another_schedule_is_warned_about(host):
    loras = host.base / "models" / "loras"
    tensors = load_file(loras / "standin_ffgo_high_noise.safetensors")
    for name, boundary in (("other_high", "0.875"), ("other_low", "0.9")):
        save_file(tensors, loras / f"{name}.safetensors", {"ffgo.boundary": boundary, "ffgo.shift": "8"})
    graph = switch_graph(20, 5.0)
    source = graph["shift"]["inputs"]["model"]
    files = {"lora_high": "other_high.safetensors", "lora_low": "other_low.safetensors"}
    graph["lora"] = {
        "class_type": "FFGOWanMoELoRALoader",
        "inputs": {"model_high": source, "model_low": source, **files},
    }
    graph["shift"]["inputs"]["model"] = ["lora", 0]
    host.run(graph)
    log = host.log()
    assert "'other_high.safetensors' was trained for a boundary of 0.875, and 'other_low.safetensors' for 0.9." in log
    assert "'other_high.safetensors' was trained for a boundary of 0.875, and this schedule has 0.9" in log
    assert "'other_high.safetensors' was trained for a shift of 8, and this schedule has 5" in log


def test_a_scheduler_that_makes_no_schedule(host):
    with pytest.raises(Exception, match=r"makes no schedule of 1 step: its sigmas are .*nan"):
        host.run(switch_graph(1, 5.0, scheduler="kl_optimal"))
