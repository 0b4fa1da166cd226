"""Runs inside the host's Python: boots ComfyUI's modules once and finds out what no prompt can tell.

Usage: python probe.py COMFYUI BASE, started by `probes` in conftest.py. Each line that comes in names a module beside
this one and the arguments of its `find`; each line that goes out is what that found, or a traceback, as JSON.
"""

import gc
import importlib
import json
import os
import sys
import traceback

import boot  # noqa: F401  before all that the probes import

# What else is printed goes to the log.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

for line in sys.stdin:
    name, arguments = json.loads(line)
    try:
        answer = {"found": importlib.import_module(name).find(*arguments)}
    except Exception:
        answer = {"failed": traceback.format_exc()}
    print(json.dumps(answer), file=answers)
    sys.modules.pop(name, None)
    if mm := sys.modules.get("comfy.model_management"):
        mm.unload_all_models()
    gc.collect()
