"""The dataset's nodes in the real host, on the stand-in VAE and text encoder."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ffgo.clip.video_io import probe_clip, read_frames, write_clip
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.records import Record, write_records
from ffgo.words.phrase import TRANSITION_PHRASE

CAPTION = "a red robot meets a blue bird by the lake."


def moving(count: int, seed: int = 0):
    for i in range(count):
        frame = np.full((48, 64, 3), 90, np.uint8)
        frame[2 * i % 48 : 2 * i % 48 + 6, :, seed % 3] = 240
        yield frame


def make_dataset(folder: Path, count: int = 2, frames: int = 9) -> Path:
    records = []
    (folder / "composites").mkdir(parents=True)
    for i in range(count):
        write_clip(folder / f"videos/{i}.mp4", moving(frames, i), 16)
        Image.new("RGB", (64, 48), (200, 10 * i, 20)).save(folder / f"composites/{i}.png")
        records.append(Record(f"videos/{i}.mp4", f"{TRANSITION_PHRASE} {CAPTION} {i}", f"composites/{i}.png"))
    write_records(folder / "train_data.json", records)
    return folder


@pytest.fixture
def dataset(host, request):
    """A dataset of two examples in the host's input folder; returns its name."""
    name = f"set_{request.node.name.partition('[')[0]}"
    shutil.rmtree(host.base / "input" / name, ignore_errors=True)
    make_dataset(host.base / "input" / name)
    return name


def encode_graph(folder: str, **inputs) -> dict:
    return {
        "folder": {"class_type": "FFGODatasetFolder", "inputs": {"folder": folder}},
        "vae": {"class_type": "VAELoader", "inputs": {"vae_name": "standin_vae.safetensors"}},
        "clip": {"class_type": "CLIPLoader", "inputs": {"clip_name": "standin_umt5.safetensors", "type": "wan"}},
        "encode": {
            "class_type": "FFGOEncodeDataset",
            "inputs": {
                "dataset": ["folder", 0], "vae": ["vae", 0], "clip": ["clip", 0], "name": folder,
                "width": 64, "height": 48, "frames": 9, **inputs,
            },
        },
        "end": {"class_type": "PreviewAny", "inputs": {"source": ["encode", 0]}},
    }  # fmt: skip


def test_what_the_expert_gets_is_what_the_host_makes(probes, tmp_path):
    """Latents, the 20 condition channels and the caption: equal to WanImageToVideo, concat_cond and CLIPTextEncode."""
    found = probes.ask("dataset_probe", str(make_dataset(tmp_path / "set", 1)), str(tmp_path / "cache"))
    assert found == {
        "condition": True, "latents": True, "text": True, "varied": True,
        "shapes": [[16, 3, 6, 8], [20, 3, 6, 8], [512, 4096]],
    }  # fmt: skip


def test_a_folder_is_encoded_once_and_damage_is_mended(host, dataset):
    first = host.run(encode_graph(dataset))
    assert first["encode"]["text"][0].endswith("4 clips and captions were encoded now.")
    folder = host.base / "output/encoded_datasets" / dataset
    cached = CachedDataset.open(folder)
    assert cached.shapes == [(3, 6, 8)] * 2
    before = cached[0].latents
    # Another order of widgets' values makes the host run the node again.
    again = host.run(encode_graph(dataset, shortest=9))
    assert "0 clips and captions were encoded now" in again["encode"]["text"][0]
    damaged = folder / "examples" / f"{cached.entries[0].example}.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    mended = host.run(encode_graph(dataset, shortest=5))
    assert mended["encode"]["text"][1] == "videos/0.mp4: its encoded clip was damaged and was encoded again."
    assert bool((CachedDataset.open(folder)[0].latents == before).all())


def test_a_cancelled_run_goes_on_where_it_was(host):
    name, count = "cancelled", 12
    make_dataset(host.base / "input" / name, count, 33)
    written = host.base / "output/encoded_datasets" / name / "examples"
    graph = encode_graph(name, frames=33)
    host.cancel_when(graph, lambda: written.is_dir() and any(written.iterdir()))
    done = len(list(written.glob("*.safetensors")))
    assert 0 < done < count
    assert f"{count - done} clips and captions were encoded now" in host.run(graph)["encode"]["text"][0]


def test_a_changed_dataset_is_read_again(host, dataset):
    graph = {
        "folder": {"class_type": "FFGODatasetFolder", "inputs": {"folder": dataset}},
        "end": {"class_type": "PreviewAny", "inputs": {"source": ["folder", 1]}},
    }
    assert host.run(graph)["end"]["text"] == ["2"]
    folder = host.base / "input" / dataset
    shutil.rmtree(folder)
    make_dataset(folder, 3)
    assert host.run(graph)["end"]["text"] == ["3"]


def test_bad_examples_are_all_named_on_the_node(host, dataset):
    folder = host.base / "input" / dataset
    (folder / "videos/0.mp4").write_bytes(b"no video")
    (folder / "composites/1.png").unlink()
    with pytest.raises(Exception, match=r"(?s)2 of 2 examples cannot be used.*1\.mp4.*0\.mp4 cannot be read") as error:
        host.run(encode_graph(dataset))
    assert vars(error.value)["node_id"] == "folder"


def test_the_official_clips_are_read_with_their_foreign_paths(host, official):
    shutil.copytree(official / "train", host.base / "input/official", dirs_exist_ok=True)
    graph = {
        "folder": {"class_type": "FFGODatasetFolder", "inputs": {"folder": "official"}},
        "sheet": {"class_type": "FFGODatasetPreview", "inputs": {"dataset": ["folder", 0], "per_page": 3}},
        "pages": {"class_type": "PreviewAny", "inputs": {"source": ["sheet", 1]}},
    }
    outputs = host.run(graph)
    assert outputs["folder"]["text"][0] == "4 examples."
    assert "4 file(s) written below /workspace/Data" in outputs["folder"]["text"][1]
    assert outputs["pages"]["text"] == ["2"]
    sheet = host.base / "temp" / outputs["sheet"]["images"][0]["filename"]
    with Image.open(sheet) as picture:
        assert picture.width == 1280


def test_a_dataset_is_found_by_every_way_to_write_its_path(host, dataset):
    for written in (dataset, f"input/{dataset}", f"{host.base}/input/{dataset}", f"{dataset}/train_data.json"):
        graph = {
            "folder": {"class_type": "FFGODatasetFolder", "inputs": {"folder": written}},
            "end": {"class_type": "PreviewAny", "inputs": {"source": ["folder", 1]}},
        }
        assert host.run(graph)["end"]["text"] == ["2"]


@pytest.mark.parametrize("folder", ["../secret", "/etc", "input/../../secret", "", "nothing_here"])
def test_folders_elsewhere_are_refused(host, folder):
    make_dataset(host.base.parent / "secret", 1) if not (host.base.parent / "secret").exists() else None
    with pytest.raises(Exception, match="There is no dataset"):
        host.run(encode_graph(folder))


def example_graph(**inputs) -> dict:
    solid = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 9, "color": 0x336699}}
    first = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 1, "color": 0xEE2211}}
    return {
        "frames": solid,
        "composite": first,
        "example": {
            "class_type": "FFGODatasetExample",
            "inputs": {"frames": ["frames", 0], "composite": ["composite", 0], "caption": CAPTION, **inputs},
        },
    }


def test_examples_are_collected_and_exported(host):
    """Clips to examples to export, chained; a VIDEO that is an mp4 is kept to the byte."""
    write_clip(host.base / "input/own.mp4", moving(13), 24)
    name = "built"
    shutil.rmtree(host.base / "output/datasets" / name, ignore_errors=True)
    graph = example_graph(name=name)
    graph["video"] = {"class_type": "LoadVideo", "inputs": {"file": "own.mp4"}}
    graph["second"] = {
        "class_type": "FFGODatasetExample",
        "inputs": {
            "frames": ["video", 0], "composite": ["composite", 0], "caption": "The bar moves.", "name": name,
            "dataset": ["example", 0],
        },
    }  # fmt: skip
    for form in ("official", "musubi-tuner", "diffusion-pipe", "ai-toolkit", "diffsynth"):
        graph[form] = {
            "class_type": "FFGODatasetExport",
            "inputs": {
                "dataset": ["second", 0], "format": form, "name": form, "width": 64, "height": 48, "frames": 9
            },
        }  # fmt: skip
    outputs = host.run(graph)
    assert outputs["second"]["text"][0].endswith("2 example(s) collected.")
    folder = host.base / "output/datasets" / name
    one, two = open_dataset(folder).examples
    assert one.caption == f"{TRANSITION_PHRASE} {CAPTION}"
    assert two.clip.read_bytes() == (host.base / "input/own.mp4").read_bytes()
    assert probe_clip(one.clip).frames == 9
    assert np.abs(next(read_frames(one.clip)).astype(int) - [0x33, 0x66, 0x99]).max() < 6
    exports = host.base / "output/dataset_exports"
    assert open_dataset(exports / "official").examples[1].clip.read_bytes() == two.clip.read_bytes()
    for form in ("musubi-tuner", "diffusion-pipe", "ai-toolkit", "diffsynth"):
        assert probe_clip(exports / form / "videos/0002.mp4").frames == 9
        assert str(exports / form) in outputs[form]["text"][0]


def test_a_part_of_a_squeezed_video_is_written_as_it_is_shown(host):
    """Its pixels are no squares, which the host's own way of writing a VIDEO loses."""
    av, name = pytest.importorskip("av"), "squeezed"
    with av.open(str(host.base / "input/squeezed.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for frame in moving(32):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    graph = example_graph(name=name)
    graph["video"] = {"class_type": "LoadVideo", "inputs": {"file": "squeezed.mkv"}}
    graph["part"] = {
        "class_type": "Video Slice",
        "inputs": {"video": ["video", 0], "start_time": 0.5, "duration": 1.0, "strict_duration": False},
    }
    graph["example"]["inputs"]["frames"] = ["part", 0]
    host.run(graph)
    (example,) = open_dataset(host.base / "output/datasets" / name).examples
    assert (example.info.width, example.info.height, example.info.frames, example.info.plain) == (84, 48, 16, True)


def test_an_export_never_replaces_another(host, dataset):
    graph = {
        "folder": {"class_type": "FFGODatasetFolder", "inputs": {"folder": dataset}},
        "export": {
            "class_type": "FFGODatasetExport",
            "inputs": {"dataset": ["folder", 0], "format": "official", "name": "twice", "frames": 9},
        },
    }
    host.run(graph)
    graph["export"]["inputs"]["frames"] = 5
    graph["export"]["inputs"]["name"] = "twice/"
    with pytest.raises(Exception, match="name is 'twice/', which is empty, or a part of it is"):
        host.run(graph)
    graph["export"]["inputs"]["name"] = "twice "
    assert "twice_2" in host.run(graph)["export"]["text"][0]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"name": "../elsewhere"}, r"name is '\.\./elsewhere', which begins or ends with a dot"),
        ({"name": ""}, "name is '', which is empty"),
        ({"name": "CON"}, "name is 'CON', which is a device of Windows"),
        ({"caption": ""}, "The prompt is empty"),
        ({"composite": ["frames", 0]}, "composite holds 9 pictures"),
    ],
)
def test_bad_examples_are_refused(host, inputs, message):
    with pytest.raises(Exception, match=message):
        host.run(example_graph(**inputs))
