"""Names from outside: which are taken, which are refused, and that a refusal tells nothing of what exists."""

import os

import pytest
import torch

from ffgo.errors import FFGOError
from ffgo.lora.saving import save_lora
from ffgo.names import folder_with, path_below, path_within, plain_name

HOSTILE = [
    *("", " ", ".", "..", "/", "//", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "demo/", "/demo", "~", "~/x"),
    *("C:", "C:\\", "C:x", "\\\\host\\share\\x", "a\\b", "..\\x", "\\", "//host/share", "x:stream", "a?", "a*", "a|b"),
    *("a\0b", "a\nb", "a\tb", "\x1b[2Jx", "a\x7f", "a\u202egnp.exe", "\u2066a", "a\u200bb", "\ufeffa", "a\u2028b"),
    *("\ud800", "a\udcff", "a\u3164", "\u2800", "<a", '"a'),
    *("CON", "con", "nul.txt", "COM1", "com1.safetensors", "LPT9", "COM\u00b9", "aux .x", "CONIN$", "a/PRN/b", "~root"),
    *("a.", "a/b.", "a /b", " a/b", ".hidden", "._a", "a/.b", "...", "x" * 201, "\u00e9" * 101, "a/" * 501 + "a"),
    *("..\u2215x", "a\u2044b", "\uff0fetc", "a\uff3cb", "a\u29f8b"),
]
GOOD = [
    "my_dataset",
    "a b",
    "v1.2",
    "女孩\uff1a跑步",
    "Größe",
    "a-1_2 (3)",
    "x" * 200,
    "consul",
    "com10",
    "\u0646\u0627\u0645",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_in_words(name, tmp_path):
    for check in (lambda: plain_name(name, "name"), lambda: path_below(tmp_path, name, "name")):
        with pytest.raises(FFGOError, match=r"(?s)^name is .*, which .*\. Take letters, digits, '-' and '_'\.$"):
            check()


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_taken(name, tmp_path):
    assert plain_name(name, "name") == name
    assert path_below(tmp_path, name, "name") == tmp_path / name
    (tmp_path / name).touch()  # and the system takes it too, with what is put around it
    (tmp_path / f".{name}_high-{32 * '0'}.safetensors").touch()


def test_folders_are_for_some_names_only(tmp_path):
    assert path_below(tmp_path, "a/b", "name") == tmp_path / "a" / "b"
    with pytest.raises(FFGOError, match="holds a slash"):
        plain_name("a/b", "name")


def test_what_is_looked_for_may_be_written_whole_but_not_elsewhere(tmp_path):
    root = tmp_path / "datasets"
    assert path_within(root, " toy/ ") == root / "toy"
    assert path_within(root, str(root / "toy")) == root / "toy"
    assert path_within(root, "a/../toy") == root / "toy"
    for written in ("", "..", "../x", "/etc", "a\0", "\ud800", "\x1b", "CON", "a/nul.txt", "x" * 1001):
        assert path_within(root, written) is None, written


def test_a_link_that_the_user_made_is_followed(tmp_path):
    (tmp_path / "shared" / "mine").mkdir(parents=True)
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "link").symlink_to(tmp_path / "shared")
    assert path_below(tmp_path / "loras", "link/mine", "name").is_dir()
    path = save_lora({"a.weight": torch.zeros(2, 2)}, tmp_path / "loras", "link/walk", "high", "float32")
    assert path.resolve() == tmp_path / "shared" / "walk_high.safetensors"


def test_a_file_is_found_in_the_first_folder_that_has_it_and_nowhere_else(tmp_path):
    folders = [tmp_path / "output", tmp_path / "models"]
    folders[1].mkdir()
    (folders[1] / "a.safetensors").touch()
    (tmp_path / "foreign.safetensors").touch()
    assert folder_with(folders, "a.safetensors") == folders[1]
    assert folder_with(folders, "none.safetensors") == folders[0]
    for foreign in (
        str(tmp_path / "foreign.safetensors"),
        "../foreign.safetensors",
        "/etc/passwd",
        "/etc/none",
        os.devnull,
    ):
        assert folder_with(folders, foreign) is None  # whether it exists or not


@pytest.mark.parametrize("prefix", ["../x", "/tmp/x", "a/", "CON", ""])
def test_a_hostile_prefix_leaves_no_file(prefix, tmp_path):
    with pytest.raises(FFGOError, match="filename_prefix is"):
        save_lora({"a.weight": torch.zeros(2, 2)}, tmp_path / "loras", prefix, "high", "float32")
    assert not list(tmp_path.iterdir())
