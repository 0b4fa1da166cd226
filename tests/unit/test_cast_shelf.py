"""The cast on disk: what was saved comes back to the bit, nothing twice, nothing broken, nothing from strangers."""

import io
import itertools
import json
import multiprocessing
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from ffgo.cast.__main__ import main
from ffgo.cast.member import read_member, slug_of
from ffgo.cast.picture_files import LONGEST_SIDE
from ffgo.cast.portable import export_member, import_member
from ffgo.cast.shelf import About, Cast
from ffgo.cast.twins import are_twins, looks_of
from ffgo.errors import FFGOError
from ffgo.frame.pictures import fingerprint_of

from .cast_scene import cutout

OFFICIAL = Path(__file__).parents[3] / "shared/data/ffgo-official"


def _jpeg(image):
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    file = io.BytesIO()
    flat.save(file, "JPEG", quality=80)
    again = Image.open(file).convert("RGBA")
    again.putalpha(image.getchannel("A"))
    return again


def _eroded(image):
    again = image.copy()
    again.putalpha(image.getchannel("A").filter(ImageFilter.MinFilter(7)))
    return again


WAYS = {
    "half": lambda i: i.resize((i.width // 2, i.height // 2), Image.Resampling.BILINEAR),
    "jpeg": _jpeg,
    "padded": lambda i: ImageOps.expand(i, 40, (0, 0, 0, 0)),
    "eroded": _eroded,
    "mirrored": ImageOps.mirror,
}


@pytest.fixture
def cast(tmp_path):
    return Cast(tmp_path / "ffgo_cast")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ---------------------------------------------------------------- save and load


def test_what_is_saved_comes_back_to_the_bit(cast):
    picture = cutout(1)
    saved = cast.save(picture, About("Red robot", "the red robot", "small", ("toy", "red")))
    assert (saved.what, saved.slug) == ("new", "red-robot")
    slug, member = Cast(cast.folder).find("Red robot")
    assert np.array_equal(cast.picture(slug, member), picture)
    assert member.fingerprints == {fingerprint_of(picture)}
    assert (member.noun, member.description, member.tags) == ("the red robot", "small", ("toy", "red"))
    with Image.open(cast.folder / slug / "thumb.webp") as thumb:
        assert thumb.size == (256, 256)


def test_the_same_picture_twice_is_one(cast):
    cast.save(cutout(1), About("Red robot"))
    before = files_of(cast.folder)
    again = cast.save(cutout(1), About("Somebody else"), "keep apart")
    assert again.what == "there already"
    assert files_of(cast.folder) == before


def test_a_large_picture_is_made_smaller_and_known_as_it_came(cast):
    large = np.asarray(Image.fromarray(cutout(2)).resize((2400, 3200)))
    saved = cast.save(large, About("Giant"))
    kept = cast.picture(saved.slug, saved.member)
    assert max(kept.shape) <= LONGEST_SIDE
    assert saved.member.pictures[0].origin == fingerprint_of(large)
    assert cast.save(large, About("Giant")).what == "there already"


def test_who_looks_alike_is_said_added_or_kept_apart(cast):
    cast.save(cutout(1), About("Red robot"))
    mirrored = np.ascontiguousarray(cutout(1)[:, ::-1])
    noted = cast.save(mirrored, About("Twin"))
    assert noted.what == "not saved"
    assert "It looks as Red robot does" in noted.note
    added = cast.save(mirrored, About("Twin"), "add picture")
    assert (added.what, len(added.member.pictures)) == ("picture added", 2)
    assert np.array_equal(cast.picture(added.slug, added.member, 2), mirrored)
    other = np.asarray(Image.fromarray(cutout(1)).resize((60, 80)))
    assert cast.save(other, About("Twin"), "keep apart").what == "new"
    assert list(cast.labels()) == ["Red robot", "Twin"]


def test_a_name_that_is_taken(cast):
    cast.save(cutout(1), About("Red robot"))
    assert "There is a Red robot already" in cast.save(cutout(2), About("red robot")).note
    assert cast.save(cutout(2), About("red robot"), "keep apart").slug == "red-robot-2"
    assert list(cast.labels()) == ["Red robot", "red robot 2"]


def test_keys_that_are_not_known_are_kept(cast):
    saved = cast.save(cutout(1), About("Red robot"))
    file = cast.folder / saved.slug / "cast.json"
    content = json.loads(file.read_text())
    content["voice"], content["pictures"][0]["pose"] = {"pitch": 2}, "sitting"
    file.write_text(json.dumps(content))
    cast.save(cutout(2), About("Red robot"), "add picture")
    again = json.loads(file.read_text())
    assert again["voice"] == {"pitch": 2}
    assert again["pictures"][0]["pose"] == "sitting"
    assert [one["file"] for one in again["pictures"]] == ["01.png", "02.png"]


def test_a_name_without_letters_of_ours_has_a_folder(cast):
    assert cast.save(cutout(1), About("红色机器人")).slug == "member"
    assert cast.save(cutout(2), About("蓝色的船")).slug == "member-2"
    assert cast.find("蓝色的船")[0] == "member-2"


@pytest.mark.parametrize("name", ["con", "LPT1", "nul"])
def test_no_folder_is_a_device_of_windows(name):
    assert slug_of(name) == f"{name.lower()}-member"


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (About(""), "name is empty"), (About("a" * 81), "81 characters"), (About("a\u202eb"), "cannot be seen"),
        (About("a", noun="b" * 200), "noun is 200 characters"), (About("a", tags=("t",) * 40), "tags has 40 entries"),
    ],
)  # fmt: skip
def test_what_could_not_be_read_again_is_not_written(cast, about, message):
    with pytest.raises(FFGOError, match=message):
        cast.save(cutout(1), about)
    assert not [path for path in cast.folder.iterdir() if path.is_dir()]


def test_a_missing_member_is_an_error_that_names_the_folder(cast):
    cast.save(cutout(1), About("Red robot"))
    with pytest.raises(FFGOError, match=r"no 'Red robott' in .*ffgo_cast\. Perhaps Red robot is meant"):
        cast.find("Red robott")
    (cast.folder / "red-robot/01.png").unlink()
    with pytest.raises(FFGOError, match="is not there"):
        cast.picture(*cast.find("Red robot"))


BROKEN = ["", "[]", "{", '{"version": 2}', "\0", '{"version": 1, "id": "x", "name": "a", "pictures": []}', "[" * 5000]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_member_hides_no_other(cast, text):
    cast.save(cutout(1), About("Red robot"))
    cast.save(cutout(2), About("Boat"))
    (cast.folder / "red-robot/cast.json").write_text(text)
    assert list(cast.labels()) == ["Boat"]
    assert list(cast.broken()) == ["red-robot"]
    with pytest.raises(FFGOError, match=r"red-robot/cast\.json"):
        cast.find("red-robot")


def test_a_picture_elsewhere_is_never_read(cast):
    saved = cast.save(cutout(1), About("Red robot"))
    text = saved.member.to_json().replace("01.png", "../../secret.png")
    with pytest.raises(FFGOError, match="pictures are called"):
        read_member(text, "cast.json")


@pytest.mark.skipif(sys.platform == "win32", reason="processes begin as copies of this one")
@pytest.mark.filterwarnings("ignore:This process")
def test_many_processes_that_save_at_once_break_nothing(cast):
    processes = multiprocessing.get_context("fork")
    started = [processes.Process(target=_save_one, args=(cast.folder, seed % 10)) for seed in range(20)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    assert [one.exitcode for one in started] == [0] * 20
    assert len(cast.members()) == 10
    assert not cast.broken()
    assert {path.name for path in cast.folder.iterdir()} == set(cast.members())


def _save_one(folder, seed):
    Cast(folder).save(cutout(seed), About("Red robot"), "keep apart")


def test_a_change_on_disk_is_seen_and_nothing_else_is_read_again(cast, monkeypatch):
    for seed in range(3):
        cast.save(cutout(seed), About(f"Nr {seed}"))
    cast.members()
    opened = []
    monkeypatch.setattr(Cast, "_opened", lambda self, slug, real=Cast._opened: opened.append(slug) or real(self, slug))
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a list needs no picture"))
    cast.labels()
    assert opened == []
    file = cast.folder / "nr-1/cast.json"
    file.write_text(file.read_text().replace("Nr 1", "Number one"))
    assert list(cast.labels()) == ["Nr 0", "Number one", "Nr 2"]
    assert opened == ["nr-1"]


# ---------------------------------------------------------------- the same picture


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(8))
def test_the_same_picture_is_found(way, seed):
    image = Image.fromarray(cutout(seed, (240, 300), margin=20))
    assert are_twins(looks_of(np.asarray(image)), looks_of(np.asarray(WAYS[way](image))))


def test_others_are_kept_apart():
    looks = [looks_of(cutout(seed)) for seed in range(12)]
    assert not [1 for a, b in itertools.combinations(looks, 2) if are_twins(a, b)]


def test_what_lies_under_transparent_pixels_does_not_count():
    picture = cutout(5)
    other = picture.copy()
    other[other[..., 3] == 0] = (255, 0, 255, 0)
    assert np.array_equal(looks_of(picture).bits, looks_of(other).bits)
    assert np.array_equal(looks_of(picture).colours, looks_of(other).colours)


def test_the_official_duplicate_is_found_and_27_pairs_are_kept_apart():
    if not OFFICIAL.is_dir():
        pytest.skip(f"the official materials are not at {OFFICIAL}")
    wanted = (
        "train/materials/*/object.png",
        "compose/*/object_*.png",
        "compose/*/tank1.png",
        "compose/*/ambulence.png",
    )
    images = {path: Image.open(path).convert("RGBA") for one in wanted for path in sorted(OFFICIAL.glob(one))}
    looks = {path: looks_of(np.asarray(image)) for path, image in images.items()}
    twins = [
        {a.parent.name, b.parent.name} for a, b in itertools.combinations(looks, 2) if are_twins(looks[a], looks[b])
    ]
    assert len(looks) == 8
    assert twins == [{"am_car_2obj", "fds_ambulence"}]
    for path, image in images.items():
        for way, change in WAYS.items():
            assert are_twins(looks[path], looks_of(np.asarray(change(image)))), (path, way)


# ---------------------------------------------------------------- one file


def test_a_member_goes_into_one_file_and_comes_back(cast, tmp_path):
    cast.save(cutout(1), About("Red robot", "the red robot"))
    cast.save(cutout(2), About("Red robot"), "add picture")
    path = export_member(cast, "Red robot", tmp_path)
    assert path.name == "red-robot.ffgocast"
    other = Cast(tmp_path / "other")
    saved = import_member(other, path)
    slug, member = other.find("Red robot")
    assert member == cast.find("Red robot")[1]
    assert np.array_equal(other.picture(slug, member, 2), cutout(2))
    assert import_member(other, path).what == "there already"
    assert saved.what == "new"
    with pytest.raises(FFGOError, match="is there already"):
        export_member(cast, "Red robot", tmp_path)


def test_the_command(cast, tmp_path, capsys):
    cast.save(cutout(1), About("Red robot"))
    folder = ["--folder", str(cast.folder)]
    assert main([*folder, "list"]) == 0
    assert capsys.readouterr().out == "Red robot\tred-robot\n"
    assert main([*folder, "export", "Red robot", str(tmp_path)]) == 0
    assert main(["--folder", str(tmp_path / "new"), "import", str(tmp_path / "red-robot.ffgocast")]) == 0
    assert main([*folder, "export", "Nobody", str(tmp_path)]) == 1
    assert "There is no 'Nobody'" in capsys.readouterr().err


def bomb():
    """A PNG of 10^9 pixels in a few bytes: only its head is needed."""
    import struct
    import zlib

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 50_000, 20_000, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


HOSTILE = {
    "a path that leads out": lambda z, files: z.writestr("../x", b"x"),
    "a whole path": lambda z, files: z.writestr("/tmp/x.png", b"x"),
    "a folder": lambda z, files: z.writestr("sub/01.png", files["01.png"]),
    "a link": lambda z, files: z.writestr(link("02.png"), b"/etc/passwd"),
    "a program": lambda z, files: z.writestr("run.py", b"x"),
    "65 files": lambda z, files: [z.writestr(f"{i:02}.png", b"x") for i in range(2, 67)],
    "twice": lambda z, files: z.writestr("cast.json", files["cast.json"]),
}


def packed(path, files, more=lambda z, files: None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        more(archive, files)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "kind", [*HOSTILE, "a bomb", "80 MB", "no picture", "no member", "no zip", "broken", "invisible"]
)
def test_a_strangers_file_is_refused_and_nothing_written(cast, tmp_path, kind):
    cast.save(cutout(1), About("Red robot"))
    files = files_of(cast.folder / "red-robot")
    changed = {
        "a bomb": {"01.png": bomb()}, "80 MB": {"thumb.webp": bytes(80 * 2**20)},
        "broken": {"01.png": files["01.png"][:200]},
        "invisible": {"01.png": Path(_invisible(tmp_path)).read_bytes()},
    }  # fmt: skip
    files |= changed.get(kind, {})
    for gone in {"no picture": ["01.png"], "no member": ["cast.json"]}.get(kind, []):
        del files[gone]
    path = packed(tmp_path / "x.ffgocast", files, HOSTILE.get(kind, lambda z, files: None))
    if kind == "no zip":
        path.write_bytes(b"PK no zip")
    other = Cast(tmp_path / "other")
    with pytest.raises(FFGOError):
        import_member(other, path)
    assert not other.folder.exists() or files_of(other.folder) == {}
    assert not (tmp_path / "x").exists()


def _invisible(folder):
    path = folder / "invisible.png"
    Image.new("RGBA", (8, 8)).save(path)
    return path
