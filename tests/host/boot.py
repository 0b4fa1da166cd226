"""ComfyUI's modules in this process and the pack under another name, for the probes: see probe.py."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import torch

COMFYUI, BASE = map(Path, sys.argv[1:])
PACK = Path(__file__).parents[2]


def module(name: str, path: Path) -> ModuleType:
    """A package by its folder, under another name: the pack's `nodes` and the host's must not meet."""
    spec = importlib.util.spec_from_file_location(name, path / "__init__.py", submodule_search_locations=[str(path)])
    assert spec
    assert spec.loader
    loaded = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


torch.set_num_threads(1)
module("pack", PACK)
importlib.import_module("pack.ffgo.host.boot").boot(COMFYUI, "--cpu", "--base-directory", str(BASE))
sys.path.append(str(PACK))  # for lab; behind the host
