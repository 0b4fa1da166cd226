"""Putting examples into a dataset's folder."""

from functools import partial

import pytest
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.dataset.build import add_example
from ffgo.dataset.examples import open_dataset
from ffgo.errors import FFGOError
from ffgo.words.phrase import TRANSITION_PHRASE

COMPOSITE = Image.new("RGB", (64, 48), "teal")


@pytest.fixture
def clip(frames_of):
    return lambda path: write_clip(path, frames_of(9), 16)


def test_an_example_is_written_and_listed(tmp_path, clip):
    example = add_example(tmp_path / "mine", clip, COMPOSITE, "A bar moves.")
    assert example.caption == f"{TRANSITION_PHRASE} A bar moves."
    assert open_dataset(tmp_path / "mine").examples == (example,)
    assert not [path for path in (tmp_path / "mine").rglob("*") if path.name.startswith(".") or "partial" in path.name]


def test_the_same_pictures_again_only_change_the_caption(tmp_path, clip):
    add_example(tmp_path, clip, COMPOSITE, "A bar moves.")
    add_example(tmp_path, clip, Image.new("RGB", (64, 48), "red"), "Another one.")
    add_example(tmp_path, clip, COMPOSITE, f"{TRANSITION_PHRASE}  A white bar moves.")
    examples = open_dataset(tmp_path).examples
    assert [e.caption.removeprefix(TRANSITION_PHRASE) for e in examples] == ["  A white bar moves.", " Another one."]


@pytest.mark.parametrize("caption", ["", TRANSITION_PHRASE])
def test_a_caption_that_says_nothing_leaves_nothing(tmp_path, clip, caption):
    with pytest.raises(FFGOError, match="The prompt is empty"):
        add_example(tmp_path / "mine", clip, COMPOSITE, caption)
    assert not (tmp_path / "mine").exists()


def test_a_list_that_is_no_dataset_is_not_overwritten(tmp_path, clip):
    (tmp_path / "train_data.json").write_text('{"my": "notes"}')
    with pytest.raises(FFGOError, match="not the official FFGo format"):
        add_example(tmp_path, clip, COMPOSITE, "A bar moves.")
    assert (tmp_path / "train_data.json").read_text() == '{"my": "notes"}'


@pytest.mark.parametrize(("count", "fps", "message"), [(4, 16, "too short"), (9, 60, "wrong rate")])
def test_clips_that_could_not_be_trained_on_are_refused(tmp_path, frames_of, count, fps, message):
    bad = partial(write_clip, frames=frames_of(count), fps=fps)
    with pytest.raises(FFGOError, match=f"The clip (is|has a) {message}"):
        add_example(tmp_path, bad, COMPOSITE, "A bar moves.")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_odd_sizes_are_refused(tmp_path, frames_of):
    odd = partial(write_clip, frames=frames_of(5, 63, 48), fps=16)
    with pytest.raises(FFGOError, match="must be even"):
        add_example(tmp_path, odd, COMPOSITE, "A bar moves.")


def test_captions_that_no_list_can_hold_are_refused(tmp_path, clip):
    with pytest.raises(FFGOError, match="caption holds half of a character"):
        add_example(tmp_path, clip, COMPOSITE, "A \ud83d dog.")


def test_the_phrase_is_written_once(tmp_path, clip):
    example = add_example(tmp_path, clip, COMPOSITE, f"{TRANSITION_PHRASE} {TRANSITION_PHRASE} A dog.")
    assert example.caption == f"{TRANSITION_PHRASE} A dog."
