"""Which files make up a dataset."""

import json
import os
import shutil

import pytest

from ffgo.dataset.records import Record, list_examples, raise_all, read_records, write_records
from ffgo.errors import FFGOError


def rewrite(folder, change):
    """Change every entry of the folder's list."""
    path = folder / "train_data.json"
    entries = json.loads(path.read_text())
    for i, entry in enumerate(entries):
        change(i, entry)
    path.write_text(json.dumps(entries))
    return path


def test_the_official_list_is_read_and_written_as_it_is(official, tmp_path):
    written = official / "train/train_data.json"
    write_records(tmp_path / "again.json", read_records(written))
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(written.read_text())
    assert (tmp_path / "again.json").read_text().split() == written.read_text().split()


def test_official_paths_of_another_machine_are_found_and_reported(official):
    listing = list_examples(official / "train")
    assert [(e.name, e.composite.parent.name) for e in listing.examples] == [
        ("videos/11.mp4", "video_11"),
        ("videos/12.mp4", "video_12"),
        ("videos/13.mp4", "video_13"),
        ("videos/16.mp4", "video_16"),
    ]
    assert not listing.problems
    assert len(listing.notes) == 2
    assert "4 file(s) written below /workspace/Data/train/./round2_mixed_videos_81_frames" in listing.notes[0]


def test_relative_paths_need_no_note(make_dataset):
    listing = list_examples(make_dataset(2))
    assert [e.name for e in listing.examples] == ["videos/0.mp4", "videos/1.mp4"]
    assert not listing.notes
    assert not listing.problems


def test_windows_paths_are_re_rooted(make_dataset):
    folder = make_dataset(2)
    rewrite(folder, lambda i, e: e.update(file_path=rf"C:\data\set\videos\{i}.mp4"))
    listing = list_examples(folder)
    assert not listing.problems
    assert [e.clip.name for e in listing.examples] == ["0.mp4", "1.mp4"]
    assert "2 file(s)" in listing.notes[0]


def test_two_files_that_fit_equally_well_are_both_named(make_dataset):
    folder = make_dataset(1)
    (folder / "old").mkdir()
    shutil.copy(folder / "videos/0.mp4", folder / "old/0.mp4")
    rewrite(folder, lambda i, e: e.update(file_path="/elsewhere/0.mp4"))
    (problem,) = list_examples(folder).problems
    assert "old/0.mp4" in problem
    assert "videos/0.mp4" in problem


def test_what_is_not_there_is_named_with_the_example(make_dataset):
    folder = make_dataset(2)
    (folder / "videos/1.mp4").unlink()
    listing = list_examples(folder)
    (problem,) = listing.problems
    assert "example 2 (1.mp4)" in problem
    assert "videos/1.mp4 was not found" in problem
    assert len(listing.examples) == 1


def test_a_common_name_alone_is_no_clue(make_dataset):
    """All official composites are called combined.png: another example's must not be taken."""
    folder = make_dataset(2)
    (folder / "composites/video_1").mkdir()
    (folder / "composites/1.png").rename(folder / "composites/video_1/combined.png")
    rewrite(folder, lambda i, e: e.update(image_path=f"/workspace/combined_images/video_{i}/combined.png"))
    listing = list_examples(folder)
    assert [(e.clip.name, e.composite.parent.name) for e in listing.examples] == [("1.mp4", "video_1")]
    (problem,) = listing.problems
    assert "video_0/combined.png was not found" in problem


def test_two_entries_never_share_a_file_by_re_rooting(make_dataset):
    folder = make_dataset(1)
    path = folder / "train_data.json"
    record = read_records(path)[0]
    write_records(path, [Record("/a/videos/0.mp4", record.text, record.image_path), record])
    assert any("both lead to" in problem for problem in list_examples(folder).problems)


@pytest.mark.parametrize("written", ["../secret.mp4", "videos/../../secret.mp4", "..\\secret.mp4"])
def test_nothing_outside_the_folder_is_reached(make_dataset, written):
    folder = make_dataset(1)
    shutil.copy(folder / "videos/0.mp4", folder.parent / "secret.mp4")
    rewrite(folder, lambda i, e: e.update(file_path=written))
    listing = list_examples(folder)
    assert not listing.examples
    assert len(listing.problems) == 1


def test_a_link_out_of_the_folder_is_refused(make_dataset):
    folder = make_dataset(1)
    (folder / "videos/0.mp4").rename(folder.parent / "secret.mp4")
    (folder / "videos/0.mp4").symlink_to(folder.parent / "secret.mp4")
    assert "leads out of" in list_examples(folder).problems[0]
    rewrite(folder, lambda i, e: e.update(file_path="/workspace/videos/0.mp4"))
    assert "was not found" in list_examples(folder).problems[0]


def test_an_absolute_path_outside_is_not_opened_even_if_it_exists(make_dataset):
    folder = make_dataset(1)
    shutil.copy(folder / "videos/0.mp4", folder.parent / "outside.mp4")
    rewrite(folder, lambda i, e: e.update(file_path=str(folder.parent / "outside.mp4")))
    assert "was not found" in list_examples(folder).problems[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "not the official FFGo format"),
        ("[", r"train_data\.json is not JSON: line 1, column 2"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        ('[{"file_path": "a.mp4", "text": 3, "type": "video"}]', "entry 1 lacks image_path"),
        (
            '[{"file_path": "a", "text": "b", "image_path": "c", "type": "image"}]',
            'entry 1.type is "image"; FFGo trains on video only',
        ),
        (
            '[{"file_path": "a", "text": 3, "image_path": "c", "type": "video"}]',
            "entry 1.text is 3; it must be a string",
        ),
        ('[{"file_path": "a\\u0000", "text": "b", "image_path": "c", "type": "video"}]', "file_path holds a NUL"),
        ("[3, 4]", "(?s)entry 1 is a number.*entry 2 is a number"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, message):
    (tmp_path / "train_data.json").write_text(content)
    with pytest.raises(FFGOError, match=message):
        list_examples(tmp_path)


def test_several_lists_are_not_guessed_between(make_dataset):
    folder = make_dataset(1)
    (folder / "train_data.json").rename(folder / "a.json")
    shutil.copy(folder / "a.json", folder / "b.json")
    with pytest.raises(FFGOError, match=r"several lists of examples \(a\.json, b\.json\)"):
        list_examples(folder)
    assert len(list_examples(folder / "b.json").examples) == 1


@pytest.fixture
def clip_folder(make_dataset, tmp_path):
    """Clips with captions and composites beside them."""
    made, folder = make_dataset(2), tmp_path / "clips"
    folder.mkdir()
    for i, record in enumerate(read_records(made / "train_data.json")):
        shutil.copy(made / record.file_path, folder / f"{i}.mp4")
        shutil.copy(made / record.image_path, folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(record.text)
    return folder


def test_a_folder_of_clips(clip_folder):
    listing = list_examples(clip_folder)
    assert [(e.name, e.composite.name) for e in listing.examples] == [("0.mp4", "0.png"), ("1.mp4", "1.png")]
    assert listing.examples[1].caption.endswith("Bar 1 moves.")
    assert not listing.notes + listing.problems


def test_composites_in_a_folder_of_their_own_and_clips_in_videos(clip_folder):
    (clip_folder / "videos").mkdir()
    (clip_folder / "composites").mkdir()
    for path in [p for p in clip_folder.iterdir() if p.is_file()]:
        path.rename(clip_folder / ("composites" if path.suffix == ".png" else "videos") / path.name)
    listing = list_examples(clip_folder)
    assert [e.name for e in listing.examples] == ["videos/0.mp4", "videos/1.mp4"]


def test_every_clip_without_its_files_is_named(clip_folder):
    (clip_folder / "0.png").unlink()
    (clip_folder / "1.txt").unlink()
    zero, one = list_examples(clip_folder).problems
    assert zero.startswith("0.mp4: has no composite")
    assert one.startswith("1.mp4: has no caption")


def test_two_composites_of_one_clip_are_both_named(clip_folder):
    shutil.copy(clip_folder / "0.png", clip_folder / "0.jpg")
    (problem,) = list_examples(clip_folder).problems
    assert "0.png" in problem
    assert "0.jpg" in problem


def test_files_that_belong_to_no_clip_are_reported(clip_folder):
    (clip_folder / "0.mp4").unlink()
    assert list_examples(clip_folder).notes == ["Not used, as they belong to no clip: 0.png, 0.txt."]


def test_other_json_files_beside_the_clips_do_not_matter(clip_folder):
    (clip_folder / "workflow.json").write_text('{"nodes": []}')
    (clip_folder / "broken.json").write_text("{")
    listing = list_examples(clip_folder)
    assert len(listing.examples) == 2
    assert listing.notes == ["Not used, as they belong to no clip: broken.json, workflow.json."]


def test_a_folder_without_clips_is_no_dataset(tmp_path):
    with pytest.raises(FFGOError, match="holds no dataset"):
        list_examples(tmp_path)


def test_what_systems_leave_beside_files_is_skipped(clip_folder):
    (clip_folder / "._0.mp4").write_bytes(b"\0\5\26\7")
    (clip_folder / "__MACOSX").mkdir()
    (clip_folder / "__MACOSX/0.png").write_bytes(b"")
    (clip_folder / ".aitk_size.json").write_text("{}")
    listing = list_examples(clip_folder)
    assert [e.name for e in listing.examples] == ["0.mp4", "1.mp4"]
    assert not listing.notes + listing.problems


@pytest.mark.parametrize("listed", [False, True])
def test_case_and_accents_do_not_matter(clip_folder, listed):
    """Windows and macOS write names in another case; macOS splits an accent from its letter."""
    for path in list(clip_folder.glob("0.*")):
        suffix = path.suffix.upper() if path.suffix != ".mp4" else path.suffix
        stem = "Café" if path.suffix == ".mp4" else "cafe\u0301"
        path.rename(clip_folder / f"{stem}{suffix}")
    if listed:
        (clip_folder / "1.mp4").unlink()
        record = Record("cafe\u0301.MP4", "text", "CAFÉ.png")
        write_records(clip_folder / "train_data.json", [record])
    listing = list_examples(clip_folder)
    assert not listing.problems + listing.notes
    example = next(e for e in listing.examples if e.name.startswith("Caf"))
    assert (example.clip.name, example.composite.name) == ("Café.mp4", "cafe\u0301.PNG")
    assert example.caption


def test_clips_of_other_kinds_are_named(clip_folder):
    for name in ("b.gif", "c.ts", "d.WMV", "e.mpg"):
        (clip_folder / name).write_bytes(b"")
    (note,) = list_examples(clip_folder).notes
    assert note == "Not used, as clips of their kind are not read (make mp4 of them): b.gif, c.ts, d.WMV, e.mpg."
    for path in clip_folder.glob("*.mp4"):
        path.unlink()
    with pytest.raises(FFGOError, match=r"holds no dataset.* b\.gif, c\.ts, d\.WMV, e\.mpg cannot be read"):
        list_examples(clip_folder)


def test_clips_that_would_share_a_caption_are_refused(clip_folder):
    shutil.copy(clip_folder / "0.mp4", clip_folder / "0.MOV")
    one, two = list_examples(clip_folder).problems
    assert "0.MOV and 0.mp4 would share one caption" in one
    assert "0.mp4 and 0.MOV would share one caption" in two


def test_what_is_called_like_a_clip_and_is_none_is_named(clip_folder):
    (clip_folder / "2.mp4").mkdir()
    (clip_folder / "3.mp4").symlink_to(clip_folder / "gone.mp4")
    listing = list_examples(clip_folder)
    assert [e.name for e in listing.examples] == ["0.mp4", "1.mp4"]
    assert listing.notes == ["Not used, as they are folders, or links to nothing: 2.mp4, 3.mp4."]


@pytest.mark.parametrize(
    ("name", "said"),
    [("0.md", "(0.md is not read)"), ("0.mp4.txt", "(0.mp4.txt is not read)"), ("other.txt", "beside the clip.")],
)
def test_what_could_be_meant_as_the_caption_is_named(clip_folder, name, said):
    (clip_folder / "0.txt").rename(clip_folder / name)
    (problem,) = list_examples(clip_folder).problems
    assert "0.mp4: has no caption; put it into 0.txt" in problem
    assert said in problem


def test_captions_of_other_trainers_are_read(clip_folder):
    (clip_folder / "0.txt").rename(clip_folder / "0.caption")
    listing = list_examples(clip_folder)
    assert listing.examples[0].caption.endswith("Bar 0 moves.")
    assert not listing.notes
    (clip_folder / "0.txt").write_text("Another.")
    assert "its caption could be 0.caption or 0.txt" in list_examples(clip_folder).problems[0]


TEXT = "ad23r2 the camera view suddenly changes. Ein Bär\nläuft, 她说."


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(), TEXT.encode("utf-8-sig"), TEXT.encode("utf-16"), TEXT.replace("\n", "\r\n").encode(),
        b"\xfe\xff" + TEXT.encode("utf-16-be"), f"\n{TEXT}\n\n".encode(),
    ],
)  # fmt: skip
def test_captions_in_the_encodings_of_editors(clip_folder, content):
    (clip_folder / "0.txt").write_bytes(content)
    assert list_examples(clip_folder).examples[0].caption == TEXT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TEXT.encode("utf-16-le"), "is not UTF-8 text"),
        ("ad23r2 A dog.".encode("utf-16-le"), "perhaps UTF-16"),
        ("ad23r2 Ein Bär.".encode("latin-1"), "is not UTF-8 text"),
        (b"ad23r2 A\0dog.", "is not UTF-8 text"),
        (b"ad23r2 " + b"long " * 300_000, "larger than 1,000,000 bytes"),
    ],
)
def test_captions_that_are_no_text_are_refused(clip_folder, content, said):
    (clip_folder / "0.txt").write_bytes(content)
    (problem,) = list_examples(clip_folder).problems
    assert problem.startswith("0.mp4: its caption 0.txt")
    assert said in problem


@pytest.mark.parametrize("written", ["videos/" + "a" * 400 + ".mp4", "a" * 5000, "videos/\ud83d.mp4"])
def test_names_that_no_file_can_have_are_refused(make_dataset, written):
    folder = make_dataset(1)
    path = rewrite(folder, lambda i, e: e.update(file_path=written))
    with pytest.raises(FFGOError, match=r"was not found|half of a character"):
        raise_all(list_examples(path).problems, 1)


def test_links_inside_the_folder_are_followed(clip_folder):
    (clip_folder / "raw").mkdir()
    (clip_folder / "0.mp4").rename(clip_folder / "raw/long name.mp4")
    (clip_folder / "0.mp4").symlink_to(clip_folder / "raw/long name.mp4")
    assert [e.name for e in list_examples(clip_folder).examples] == ["0.mp4", "1.mp4"]


def test_clips_that_the_list_leaves_out_are_named(make_dataset):
    folder = make_dataset(2)
    shutil.copy(folder / "videos/0.mp4", folder / "videos/new.MP4")
    (folder / "videos/._0.mp4").write_bytes(b"")
    (note,) = list_examples(folder).notes
    assert note == "Not used, as train_data.json does not list them: videos/new.MP4."


def test_names_that_cannot_be_written_are_refused(clip_folder):
    clip = clip_folder / os.fsdecode(b"\xff\xfe.mp4")
    for suffix in (".mp4", ".txt", ".png"):
        shutil.copy(clip_folder / f"0{suffix}", clip.with_suffix(suffix))
    (problem,) = list_examples(clip_folder).problems
    assert problem.endswith("its name is not UTF-8; give it another.")
