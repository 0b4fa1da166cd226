"""On a ComfyUI or a Python that is too old the pack says so in one line, and the host starts without it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
# Loads the door as the host does: from its path, under a mangled name, next to the host's own module of its version.
LOAD = """
import importlib.util, logging, sys
logging.basicConfig(format="%(levelname)s %(message)s")
sys.path.insert(0, sys.argv[2])
python = sys.argv[3]
if python:
    sys.version_info = tuple(int(part) for part in python.split("."))
spec = importlib.util.spec_from_file_location("custom_nodes_x_ffgo", sys.argv[1], submodule_search_locations=[])
pack = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)
print(getattr(pack, "NODE_CLASS_MAPPINGS", "not there"), getattr(pack, "WEB_DIRECTORY", "not there"))
"""


def load(folder: Path, comfyui: str | None, python: str = "", interpreter: str = sys.executable) -> tuple[str, str]:
    """Load the pack's door beside a ComfyUI of this version; what it printed, and what it logged."""
    if comfyui is not None:
        (folder / "comfyui_version.py").write_text(f'__version__ = "{comfyui}"\n')
    command = [interpreter, "-c", LOAD, str(REPO / "__init__.py"), str(folder), python]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize("comfyui", ["0.30.0", "0.30.0rc1", "0.33.0", "0.130.2", "1.0.0", "1.0"])
def test_a_new_host_gets_the_nodes(tmp_path: Path, comfyui: str):
    assert load(tmp_path, comfyui) == ("not there ./web", "")


@pytest.mark.parametrize("comfyui", ["0.3.64", "0.29.9", "0.3", "0", "unknown", "", None])
def test_an_old_comfyui_is_told_in_one_line(tmp_path: Path, comfyui: str | None):
    printed, logged = load(tmp_path, comfyui)
    assert printed == "{} not there"
    assert logged.count("\n") == 0
    assert logged.startswith("ERROR ComfyUI-FFGo needs ComfyUI 0.30 and Python 3.11")
    assert f"this is ComfyUI {'0 (no version told)' if comfyui is None else comfyui} on Python" in logged
    assert "Update what is older" in logged


@pytest.mark.parametrize("python", ["3.10.13", "3.9.0", "2.7.18"])
def test_an_old_python_is_told_in_one_line(tmp_path: Path, python: str):
    printed, logged = load(tmp_path, "0.30.0", python)
    assert printed == "{} not there"
    assert logged.count("\n") == 0
    assert f"this is ComfyUI 0.30.0 on Python {'.'.join(python.split('.')[:2])}." in logged


@pytest.mark.parametrize("name", ["python3.8", "python3.9", "python3.10"])
def test_a_real_old_python_can_read_the_door(tmp_path: Path, name: str):
    interpreter = shutil.which(name)
    if not interpreter or subprocess.run([interpreter, "--version"], capture_output=True, check=False).returncode:
        pytest.skip(f"{name} is not installed")
    printed, logged = load(tmp_path, "0.30.0", interpreter=interpreter)
    assert printed == "{} not there"
    assert f"on Python {name.removeprefix('python')}." in logged
