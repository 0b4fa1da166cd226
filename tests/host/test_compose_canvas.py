"""FFGo Compose Canvas in the real host, from picture files to picture files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def cutout(seed: int = 0) -> Image.Image:
    """A coloured block in the middle of a transparent picture."""
    picture = np.zeros((240, 200, 4), np.uint8)
    picture[40:200, 30:170, :3] = np.random.default_rng(seed).integers(0, 256, (160, 140, 3))
    picture[40:200, 30:170, 3] = 255
    return Image.fromarray(picture)


def background(size: tuple[int, int] = (1280, 720)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert("RGB")


def graph(host, scene: Image.Image, subjects: list[Image.Image], **settings) -> dict:
    """Load Image and Join Image with Alpha for each subject, then the canvas, then everything saved."""
    prompt = {
        "background": {
            "class_type": "LoadImage",
            "inputs": {"image": host.input("canvas_background.png", scene)},
        },
        "canvas": {"class_type": "FFGOComposeCanvas", "inputs": {"background": ["background", 0], **settings}},
        "save": {"class_type": "SaveImage", "inputs": {"images": ["canvas", 0], "filename_prefix": "canvas/frame"}},
        "see": {"class_type": "MaskToImage", "inputs": {"mask": ["canvas", 1]}},
        "masks": {"class_type": "SaveImage", "inputs": {"images": ["see", 0], "filename_prefix": "canvas/mask"}},
        "layout": {"class_type": "PreviewAny", "inputs": {"source": ["canvas", 2]}},
    }
    for i, subject in enumerate(subjects):
        name = host.input(f"canvas_subject{i}.png", subject)
        prompt[f"load{i}"] = {"class_type": "LoadImage", "inputs": {"image": name}}
        prompt[f"join{i}"] = {
            "class_type": "JoinImageWithAlpha",
            "inputs": {"image": [f"load{i}", 0], "alpha": [f"load{i}", 1]},
        }
        prompt["canvas"]["inputs"][f"subjects.subject{i}"] = [f"join{i}", 0]
    return prompt


def saved(host, outputs: dict, node: str) -> list[np.ndarray]:
    folder = host.base / "output"
    return [np.asarray(Image.open(folder / f["subfolder"] / f["filename"])) for f in outputs[node]["images"]]


def official_case(folder: Path) -> tuple[Image.Image, list[Image.Image]]:
    others = sorted(path for path in folder.glob("*.png") if path.name != "main_entity.png")
    return Image.open(folder / "main_entity.png"), [Image.open(path) for path in others]


@pytest.mark.parametrize("case", ["am_car_2obj", "fds_ambulence", "tank_intersection_2"])
def test_script_equals_the_official_composites(host, official, case):
    outputs = host.run(graph(host, *official_case(official / "compose" / case), layout="script"))
    (frame,) = saved(host, outputs, "save")
    assert (frame == np.asarray(Image.open(official / "composites" / f"{case}.png"))).all()


@pytest.mark.parametrize("case", ["video_11", "video_12", "video_13", "video_16"])
def test_published_equals_the_official_training_composites(host, official, case):
    scene, subjects = official_case(official / "train" / "materials" / case)
    outputs = host.run(graph(host, scene, subjects, background_fit="stretch"))
    (frame,) = saved(host, outputs, "save")
    assert (frame == np.asarray(Image.open(official / "train" / "composites" / case / "combined.png"))).all()


def test_all_outputs_and_the_preview(host):
    subjects = [cutout(0), cutout(1)]
    outputs = host.run(graph(host, background(), subjects))
    (frame,), masks = saved(host, outputs, "save"), saved(host, outputs, "masks")
    layout = json.loads(outputs["layout"]["text"][0])
    assert frame.shape == (720, 1280, 3)
    assert layout["background"] == {"x": 640, "y": 180, "width": 640, "height": 360}
    for subject, mask, place in zip(subjects, masks, layout["subjects"], strict=True):
        box, crop = place["box"], place["crop"]
        assert (crop["x"], crop["y"], crop["width"], crop["height"]) == (25, 35, 150, 170)
        x, y = box["x"] + 5, box["y"] + 5
        assert (frame[y : y + 160, x : x + 140] == np.asarray(subject)[40:200, 30:170, :3]).all()
        assert (mask[y : y + 160, x : x + 140] == 255).all()
        assert mask.sum() == 3 * 255 * place["pixels"] == 3 * 255 * 140 * 160
    (preview,) = outputs["canvas"]["images"]
    assert preview["type"] == "temp"
    assert (np.asarray(Image.open(host.base / "temp" / preview["subfolder"] / preview["filename"])) == frame).all()


def test_a_preset_overrides_width_and_height_and_custom_does_not(host):
    sizes = {"832x480": (480, 832, 3), "480x640": (640, 480, 3), "custom": (301, 403, 3)}
    for preset, shape in sizes.items():
        outputs = host.run(graph(host, background(), [cutout()], preset=preset, width=403, height=301))
        assert saved(host, outputs, "save")[0].shape == shape


def test_packed_takes_upscale_and_gap(host):
    prompt = graph(host, background(), [cutout(0), cutout(1)], layout="packed", max_upscale=8.0, gap=40)
    boxes = [place["box"] for place in json.loads(host.run(prompt)["layout"]["text"][0])["subjects"]]
    top, bottom = sorted(boxes, key=lambda box: box["y"])
    assert top["height"] == bottom["height"] == 340
    assert bottom["y"] - top["y"] == 340 + 40


def test_a_batch_counts_as_several_subjects(host):
    prompt = graph(host, background(), [cutout()])
    prompt["batch"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["join0", 0], "amount": 3}}
    prompt["canvas"]["inputs"]["subjects.subject0"] = ["batch", 0]
    outputs = host.run(prompt)
    assert len(saved(host, outputs, "masks")) == 3


def test_gaps_between_the_subjects_keys_are_fine(host):
    prompt = graph(host, background(), [cutout(0), cutout(1)])
    prompt["canvas"]["inputs"]["subjects.subject6"] = prompt["canvas"]["inputs"].pop("subjects.subject1")
    assert len(saved(host, host.run(prompt), "masks")) == 2


def test_warnings_are_shown_and_logged_and_no_error(host):
    prompt = graph(host, background((200, 100)), [cutout(i) for i in range(5)])
    warnings = host.run(prompt)["canvas"]["text"]
    assert len(warnings) == 2
    assert warnings[0].startswith("5 subjects:")
    assert warnings[1].startswith("background (200x100 px) is smaller than its half")
    assert f"FFGo Compose Canvas: {warnings[0]}" in host.log()


def test_no_subject_is_an_error(host):
    with pytest.raises(Exception, match="No subject is connected"):
        host.run(graph(host, background(), []))


def test_the_first_subject_may_be_left_out(host):
    """As where its node is bypassed on the page; the frame is that of the others."""
    prompt = graph(host, background(), [cutout(i) for i in range(3)])
    del prompt["canvas"]["inputs"]["subjects.subject0"]
    layout = json.loads(host.run(prompt)["canvas"]["ffgo_layout"][0])
    assert len(layout["subjects"]) == 2


def test_min_alpha_reaches_the_frame(host):
    dusty = Image.new("RGBA", (200, 200), (200, 100, 50, 1))
    dusty.paste((200, 100, 50, 255), (80, 90, 120, 150))
    prompt = graph(host, background(), [dusty])
    prompt["canvas"]["inputs"]["min_alpha"] = 0.1
    layer = host.run(prompt)["canvas"]["ffgo_layers"][0]
    assert (layer["visible"], layer["min_alpha"], layer["alpha_trouble"]) == ([80, 90, 40, 60], 0.1, None)


def test_nine_subjects_are_an_error_however_they_are_connected(host):
    prompt = graph(host, background(), [cutout(i) for i in range(9)])
    with pytest.raises(Exception, match=r"subjects\.subject8: a frame takes up to 8 subjects"):
        host.run(prompt)
    prompt = graph(host, background(), [cutout()])
    prompt["batch"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["join0", 0], "amount": 9}}
    prompt["canvas"]["inputs"]["subjects.subject0"] = ["batch", 0]
    with pytest.raises(Exception, match="9 subjects are connected"):
        host.run(prompt)


def test_errors_name_the_subject(host):
    clear = Image.new("RGBA", (50, 60), (200, 100, 50, 0))
    with pytest.raises(Exception, match="subject1 is fully transparent"):
        host.run(graph(host, background(), [cutout(), clear]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"width": 8}, "smaller than min"),
        ({"layout": "rows"}, "not in list"),
        ({"max_upscale": 0.5}, "smaller than min"),
    ],
)
def test_the_host_refuses_settings_out_of_range(host, settings, said):
    with pytest.raises(Exception, match=said):
        host.run(graph(host, background(), [cutout()], **settings))


def arrangement(*entries: dict, **keys) -> str:
    return json.dumps({"version": 1, "canvas": {"width": 1280, "height": 720}, "subjects": list(entries), **keys})


def test_custom_puts_subjects_where_the_arrangement_says(host):
    boxes = [{"x": 11, "y": 23, "width": 150, "height": 170}, {"x": 300, "y": 400, "width": 300, "height": 340}]
    prompt = graph(host, background(), [cutout(0), cutout(1)], layout="custom", arrangement=arrangement(*boxes))
    outputs = host.run(prompt)
    (frame,), masks = saved(host, outputs, "save"), saved(host, outputs, "masks")
    assert (frame[28:188, 16:156] == np.asarray(cutout(0))[40:200, 30:170, :3]).all()
    rows, columns, _ = np.nonzero(masks[1] > 127)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (410, 719, 310, 589)
    assert [place["box"] for place in json.loads(outputs["layout"]["text"][0])["subjects"]] == boxes
    assert any("subject1 leaves the frame" in warning for warning in outputs["canvas"]["text"])


def test_what_the_editor_gets_rebuilds_the_frame_of_every_automatic_layout(host):
    subjects = [cutout(0), cutout(1), cutout(2)]
    automatic = host.run(graph(host, background(), subjects, layout="packed"))
    layers = automatic["canvas"]["ffgo_layers"]
    (layout,) = automatic["canvas"]["ffgo_layout"]
    entries = [
        place["box"] | {"fingerprint": layer["fingerprint"]}
        for place, layer in zip(json.loads(layout)["subjects"], layers, strict=True)
    ]
    custom = host.run(graph(host, background(), subjects, layout="custom", arrangement=arrangement(*entries[::-1])))
    assert (saved(host, custom, "save")[0] == saved(host, automatic, "save")[0]).all()
    assert custom["canvas"]["ffgo_layers"] == layers


def test_layers_of_the_editor(host):
    outputs = host.run(graph(host, background((2048, 1024)), [cutout()]))
    (layer,), (scene,) = outputs["canvas"]["ffgo_layers"], outputs["canvas"]["ffgo_background"]
    picture = np.asarray(Image.open(host.base / "temp" / layer["subfolder"] / layer["filename"]))
    assert (picture[40:200, 30:170] == np.asarray(cutout())[40:200, 30:170]).all()
    assert (layer["width"], layer["height"], layer["visible"]) == (200, 240, [30, 40, 140, 160])
    assert (layer["name"], layer["area"], layer["type"]) == ("subject0", 140 * 160, "temp")
    assert (scene["width"], scene["height"], scene["box"]) == (2048, 1024, [640, 200, 640, 320])
    with Image.open(host.base / "temp" / scene["subfolder"] / scene["filename"]) as small:
        assert small.size == (1024, 512)


def test_a_bad_arrangement_is_an_error_only_in_the_layout_custom(host):
    prompt = graph(host, background(), [cutout()], layout="custom", arrangement='{"version": 7}')
    with pytest.raises(Exception, match="arrangement: version is 7"):
        host.run(prompt)
    prompt["canvas"]["inputs"]["layout"] = "published"
    host.run(prompt)
