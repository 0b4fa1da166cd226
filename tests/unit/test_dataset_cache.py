"""Encoding once, and what survives."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from ffgo.clip.video_io import probe_clip, write_clip
from ffgo.dataset import cache
from ffgo.dataset.cache import CachedDataset, example_file, read_example, write_example
from ffgo.dataset.encode import encode_examples
from ffgo.dataset.encoders import Encoders, identify_weights
from ffgo.dataset.examples import load_frames, open_dataset
from ffgo.dataset.sizing import Sizing
from ffgo.errors import FFGOError

REPO = Path(__file__).parents[2]
SIZING = Sizing(64, 48, 9)


class Counting:
    """Encoders that shrink pixels and count letters; they remember what they were given."""

    def __init__(self, vae="vae", text="text"):
        self.clips, self.captions = [], []
        self.encoders = Encoders(self.encode_frames, self.encode_text, vae, text)

    def encode_frames(self, frames):
        self.clips.append(frames.clone())
        grid = frames.movedim(-1, 0)[None]
        small = torch.nn.functional.adaptive_avg_pool3d(
            grid, ((len(frames) - 1) // 4 + 1, *grid[0, 0, 0, ::8, ::8].shape)
        )
        return small[0].repeat(6, 1, 1, 1)[:16]

    def encode_text(self, caption):
        self.captions.append(caption)
        rows = torch.zeros(512, 4096)
        rows[: len(caption)] = torch.arange(1, len(caption) + 1)[:, None] / 100
        return rows


@pytest.fixture
def examples(make_dataset):
    return open_dataset(make_dataset(3)).examples


def encode(examples, folder, counting=None, **kwargs):
    counting = counting or Counting()
    return encode_examples(examples, counting.encoders, folder, kwargs.pop("sizing", SIZING), **kwargs), counting


def test_what_the_trainer_gets(examples, tmp_path):
    cached, counting = encode(examples, tmp_path / "cache")
    assert len(cached) == 3
    assert cached.names == ["videos/0.mp4", "videos/1.mp4", "videos/2.mp4"]
    assert cached.shapes == [(3, 6, 8)] * 3
    example = cached[1]
    assert example.latents.shape == (16, 3, 6, 8)
    assert example.condition.shape == (20, 3, 6, 8)
    assert example.text.shape == (512, 4096)
    frames = load_frames(examples[1], SIZING.bucket(probe_clip(examples[1].clip)))
    assert torch.equal(counting.clips[2], frames)
    assert torch.equal(example.latents, counting.encode_frames(frames))
    frames[1:] = 0.5
    assert torch.equal(example.condition[4:], counting.encode_frames(frames))
    assert (example.condition[:4, 0] == 1).all()
    assert not example.condition[:4, 1:].any()
    assert torch.equal(example.text, counting.encode_text(examples[1].caption))


def test_a_second_run_encodes_nothing(examples, tmp_path):
    first, _ = encode(examples, tmp_path / "cache")
    again, counting = encode(examples, tmp_path / "cache")
    assert not counting.clips + counting.captions
    assert (first.encoded, again.encoded) == (6, 0)
    assert again.fingerprint == first.fingerprint


def test_a_caption_that_several_examples_share_is_encoded_once(examples, tmp_path):
    same = [replace(example, caption=examples[0].caption) for example in examples]
    _, counting = encode(same, tmp_path / "cache")
    assert counting.captions == [examples[0].caption]


@pytest.mark.parametrize("change", ["clip", "composite", "caption", "vae", "text", "frames", "size", "order"])
def test_whatever_changes_is_encoded_again_and_changes_the_fingerprint(make_dataset, tmp_path, change):
    folder = make_dataset(2)
    first, _ = encode(open_dataset(folder).examples, tmp_path / "cache")
    counting, sizing = Counting(), SIZING
    if change == "clip":
        (folder / "videos/0.mp4").write_bytes((make_dataset(3, folder="other") / "videos/2.mp4").read_bytes())
    if change == "composite":
        Image.new("RGB", (64, 48), "red").save(folder / "composites/0.png")
    examples = list(open_dataset(folder).examples)
    if change == "caption":
        examples[0] = replace(examples[0], caption=examples[0].caption + " Slowly.")
    if change == "vae":
        counting = Counting(vae="other")
    if change == "text":
        counting = Counting(text="other")
    if change == "frames":
        sizing = Sizing(64, 48, 5)
    if change == "size":
        sizing = Sizing(96, 64, 9)
    if change == "order":
        examples.reverse()
    second, counting = encode(examples, tmp_path / "cache", counting, sizing=sizing)
    texts, clips = {"caption": (1, 0), "text": (2, 0), "order": (0, 0), "clip": (0, 1), "composite": (0, 1)}.get(
        change, (0, 2)
    )
    assert (len(counting.captions), len(counting.clips)) == (texts, 2 * clips)
    assert second.fingerprint != first.fingerprint


def test_a_cancelled_run_is_taken_up_again(examples, tmp_path):
    class CancelledError(Exception):
        pass

    def cancel(done, total, name):
        if name == "videos/2.mp4":
            raise CancelledError

    with pytest.raises(CancelledError):
        encode(examples, tmp_path / "cache", progress=cancel)
    cached, counting = encode(examples, tmp_path / "cache")
    assert not counting.captions
    assert len(counting.clips) == 2  # the third's frames and its condition
    assert cached.encoded == 1


def test_progress_is_told(examples, tmp_path):
    seen = []
    encode(examples, tmp_path / "cache", progress=lambda *told: seen.append(told))
    assert seen[0] == (0, 3, "videos/0.mp4 (looking through it)")
    assert seen[3] == (0, 6, "caption of videos/0.mp4")
    assert seen[6] == (3, 6, "videos/0.mp4")
    assert seen[-1] == (6, 6, "")


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "swapped", "shape"])
def test_a_damaged_entry_is_found_and_encoded_again(examples, tmp_path, damage):
    cached, _ = encode(examples, tmp_path / "cache")
    before = [cached[i] for i in range(3)]
    one, other = (tmp_path / "cache/examples" / f"{entry.example}.safetensors" for entry in cached.entries[:2])
    content = bytearray(one.read_bytes())
    if damage == "cut":
        content = content[:-7]
    if damage == "flipped":
        content[-5] ^= 1
    if damage == "empty":
        content = b""
    if damage == "swapped":
        content = other.read_bytes()
    if damage == "shape":
        content = content.replace(b"[16,3,6,8]", b"[16,3,8,6]")
    one.write_bytes(content)
    with pytest.raises(FFGOError, match=r"videos/0\.mp4: .* is damaged.* run FFGo Encode Dataset again"):
        cached[0]
    with pytest.raises(FFGOError, match=r"1 of 3 encoded examples .* videos/0\.mp4"):
        CachedDataset.open(tmp_path / "cache").mend()
    again, counting = encode(examples, tmp_path / "cache")
    assert len(counting.clips) == 2
    assert again.notes == ["videos/0.mp4: its encoded clip was damaged and was encoded again."]
    assert all(torch.equal(again[i].latents, before[i].latents) for i in range(3))


def test_a_damaged_caption_is_mended_in_place(examples, tmp_path):
    cached, _ = encode(examples, tmp_path / "cache")
    text = cached[2].text
    (tmp_path / "cache/texts" / f"{cached.entries[2].text}.safetensors").write_bytes(b"rubbish")
    assert cached.mend() == ["videos/2.mp4: its encoded caption was damaged and was encoded again."]
    assert torch.equal(cached[2].text, text)
    assert cached.mend() == []


def test_it_opens_again_without_the_clips(make_dataset, tmp_path):
    folder = make_dataset(3)
    cached, _ = encode(open_dataset(folder).examples, tmp_path / "cache")
    shutil.rmtree(folder)
    opened = CachedDataset.open(tmp_path / "cache")
    assert (opened.fingerprint, opened.names, opened.shapes) == (cached.fingerprint, cached.names, cached.shapes)
    assert torch.equal(opened[2].condition, cached[2].condition)


def test_a_folder_that_holds_nothing_encoded_says_so(tmp_path):
    with pytest.raises(FFGOError, match="holds no encoded dataset"):
        CachedDataset.open(tmp_path)


def test_empty_rows_of_a_caption_are_not_kept(examples, tmp_path):
    encode(examples, tmp_path / "cache")
    sizes = [path.stat().st_size for path in (tmp_path / "cache/texts").iterdir()]
    assert max(sizes) < 100 * 4096 * 4


def test_all_bad_clips_are_named_before_the_first_is_encoded(make_dataset, tmp_path, frames_of):
    folder = make_dataset(3, frames=13)
    write_clip(folder / "videos/1.mp4", frames_of(8), 16)
    write_clip(folder / "videos/2.mp4", frames_of(5), 16)
    counting = Counting()
    with pytest.raises(FFGOError, match=r"(?s)2 of 3 .*videos/1\.mp4: is too short.*videos/2\.mp4: is too short"):
        encode(open_dataset(folder).examples, tmp_path / "cache", counting)
    assert not counting.clips + counting.captions


def test_another_vae_is_refused(examples, tmp_path):
    wrong = Encoders(lambda frames: torch.zeros(48, 3, 3, 4), Counting().encode_text, "wan2.2", "text")
    with pytest.raises(FFGOError, match=r"Wan2\.2 I2V-A14B needs the Wan 2\.1 VAE"):
        encode_examples(examples, wrong, tmp_path / "cache", SIZING)


def test_numbers_that_are_none_are_never_kept(examples, tmp_path):
    broken = Encoders(lambda frames: torch.full((16, 3, 6, 8), torch.nan), Counting().encode_text, "nan", "text")
    with pytest.raises(FFGOError, match="NaN"):
        encode_examples(examples, broken, tmp_path / "cache", SIZING)
    assert not list((tmp_path / "cache").glob("examples/*"))


def test_a_folder_that_refuses_is_named(examples, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(FFGOError, match="cannot be written to"):
        encode(examples, tmp_path / "cache")


def test_weights_are_told_apart_by_content():
    weights = {"a": torch.arange(1000.0).reshape(10, 100), "b": torch.ones(3)}
    name = identify_weights(weights)
    assert identify_weights(dict(reversed(weights.items()))) == name
    assert identify_weights({**weights, "a": weights["a"].half()}) != name
    assert identify_weights({**weights, "a": weights["a"] + 1}) != name
    assert identify_weights({**weights, "c": weights["b"]}) != name


def test_a_killed_run_is_taken_up_again(examples, tmp_path):
    """The process is ended while it encodes the third clip; what was finished before is not encoded again."""
    code = (
        "import importlib.util, sys, time; from pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('cache_test', {__file__!r})\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "from ffgo.dataset.examples import open_dataset\n"
        "def hang(done, total, name):\n"
        "    if name == 'videos/2.mp4': print('now', flush=True); time.sleep(600)\n"
        "examples = open_dataset(Path(sys.argv[1])).examples\n"
        "module.encode(examples, Path(sys.argv[2]), progress=hang)\n"
    )
    folder = examples[0].clip.parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(tmp_path / "cache")], cwd=REPO, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline().strip() == b"now"
    process.kill()
    process.wait()
    process.stdout.close()
    _, counting = encode(examples, tmp_path / "cache")
    assert (len(counting.captions), len(counting.clips)) == (0, 2)


def test_only_one_example_is_in_memory(examples, tmp_path):
    """Reading 200 examples takes no more than reading 20: nothing is kept, and no file stays mapped."""
    cached, _ = encode(examples, tmp_path / "cache", sizing=Sizing(256, 192, 9))
    many = CachedDataset(cached.folder, cached.entries * 67)

    def resident() -> int:
        return int(
            next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line).split()[1]
        )

    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    for i in range(20):
        many[i]
    before = resident()
    for i in range(200):
        many[i]
    one = (tmp_path / "cache/examples" / f"{cached.entries[0].example}.safetensors").stat().st_size
    assert (resident() - before) * 1024 < 8 * one + 16_000_000
    mapped = Path("/proc/self/maps").read_text()
    assert str(tmp_path) not in mapped


ENTRY = {"name": "a", "example": "x", "text": "y", "shape": [3, 6, 8]}
HOSTILE_INDEXES = {
    "a list": [1], "no entries": {"version": 1}, "empty": {"version": 1, "entries": []},
    "entries by name": {"version": 1, "entries": {"a": ENTRY}}, "a base that is a list": {"base": [1]},
    "a base in another world": {"base": "wan9"}, "four sides": {"shape": [1, 2, 3, 4]}, "a side": {"shape": [3, 6]},
    "sides in words": {"shape": "368"}, "sides without end": {"shape": [3, 6, 10**30]}, "no name": {"name": None},
    "a path": {"example": "../../../secret"}, "NUL": {"text": "a\0"}, "half a character": {"name": "\ud800"},
}  # fmt: skip


@pytest.mark.parametrize("index", HOSTILE_INDEXES.values(), ids=HOSTILE_INDEXES)
def test_an_index_that_is_none_is_said(tmp_path, index):
    if not isinstance(index, dict) or not index.keys() & {"version"}:
        whole = {"version": 1, "entries": [ENTRY | index]} if isinstance(index, dict) else index
        index = whole | index if "base" in index else whole
    (tmp_path / "dataset.json").write_text(json.dumps(index))
    with pytest.raises(FFGOError, match=r"(?i)encoded|base"):
        CachedDataset.open(tmp_path)


def test_an_index_that_is_no_json_is_said(tmp_path):
    for content in (b"", b"\xff\xfe", b"[" * 100_000):
        (tmp_path / "dataset.json").write_bytes(content)
        with pytest.raises(FFGOError, match="holds no encoded dataset"):
            CachedDataset.open(tmp_path)


def test_a_file_of_the_cache_that_holds_something_else_is_said(examples, tmp_path):
    """With a checksum that is right, as a file of another trainer's has that took over our format."""
    cached, _ = encode(examples, tmp_path)
    entry = cached.entries[0]
    latents, composite = read_example(tmp_path, entry.example)
    cache._write(example_file(tmp_path, entry.example), {"latents": latents}, entry.example)
    with pytest.raises(FFGOError, match="is damaged"):
        cached[0]
    write_example(tmp_path, entry.example, latents[:, :2], composite[:, :2])
    with pytest.raises(FFGOError, match="its latents are"):
        cached[0]
    header = b"[" * 5000
    example_file(tmp_path, entry.example).write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(FFGOError, match="is damaged"):
        cached[0]
