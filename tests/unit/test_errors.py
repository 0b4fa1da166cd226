"""How errors are called where users see them."""

import importlib
import pkgutil
import traceback

import pytest

import ffgo
from ffgo.errors import FFGOError


def every_kind(of: type[FFGOError]) -> list[type[FFGOError]]:
    return [of, *(kind for below in of.__subclasses__() for kind in every_kind(below))]


def test_the_host_titles_every_error_with_the_packs_name():
    """ComfyUI shows the module and the name of an error; ours would be a path of the user's disk."""
    for module in pkgutil.walk_packages(ffgo.__path__, "ffgo."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = every_kind(FFGOError)
    assert len(kinds) > 6
    for kind in kinds:
        error = kind.__new__(kind, "broken")  # some are made of more than words
        (line,) = traceback.format_exception_only(error)
        assert line == f"ffgo.{kind.__name__}: broken\n"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x07", "\r", "\x9b31m", "\u202e", "\u2066", "\ud800", "\u2028"])
def test_others_words_in_an_error_are_printable(hostile):
    said = str(FFGOError(f"The server says: {hostile}x\n\tgoes on, größer, 女"))
    assert hostile not in said
    assert said.encode().decode().endswith("x\n\tgoes on, größer, 女")
