"""A private ComfyUI: its own base folder, a free port, the pack and the stand-ins in it. Standard library only."""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .comfyui import REPO, Host, SetupError, cache_folder
from .patience import wait_for

PACK_FOLDER = "comfyui-ffgo"
MATERIALS = REPO / "lab" / "materials"
MODEL_FOLDERS = ("diffusion_models", "vae", "text_encoders", "loras", "clip_vision")
TOY_MODELS = {
    "toy_high_noise": "diffusion_models",
    "toy_low_noise": "diffusion_models",
    "toy_ffgo_high_noise": "loras",
    "toy_ffgo_low_noise": "loras",
    "toy_midway_high_noise": "loras",
    "toy_midway_low_noise": "loras",
    "toy_umt5": "text_encoders",
    "toy_vae": "vae",
}
TOY_MODULE, TOY_TEMPLATE = "toy_world", "Toy_world"
"""The folder below custom_nodes whose template the workflow Toy world is, and its name: addresses hold no blanks."""
OPENS_TOY_WORLD = f"?template={TOY_TEMPLATE}&source={TOY_MODULE}"
"""What the page's address ends with to open it."""
TRIES = 5
PORT_TAKEN, PORT_OPEN = "is already in use", "To see the GUI go to"


@dataclass(frozen=True, slots=True)
class Server:
    """A running ComfyUI."""

    url: str
    base: Path
    log_file: Path
    process: subprocess.Popen

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def log_size(self) -> int:
        """Grows while the host works: a sign of life."""
        return self.log_file.stat().st_size


def ensure_standins(host: Host) -> Path:
    """The untrained stand-in weights, made once and kept in the cache."""
    files = [
        REPO / "lab" / "workshop" / "standins.py",
        *(REPO / "ffgo" / "demo" / f"{n}.py" for n in ("clips", "photos")),
    ]
    sources = b"".join(file.read_bytes() for file in files)
    folder = cache_folder() / f"standins-{hashlib.sha256(sources).hexdigest()[:10]}"
    if not (folder / "ready").exists():
        print("[ffgo] Making the untrained stand-in weights", flush=True)
        if host.run("-m", "lab.workshop.standins", str(folder)):
            raise SetupError("The stand-in weights could not be made: the lines above say why.")
        (folder / "ready").touch()
    return folder


def make_base(base: Path, standins: Path, *, pack: Path | None = REPO, pictures: bool = True) -> Path:
    """Fill a base folder: the stand-ins and the toy models, the demo materials as input, the pack linked in.

    pack: its folder, where it is not this one; None: without it. pictures: whether they are there before it starts.
    """
    for folder in ("input", "output", "temp", "user", "custom_nodes", *(f"models/{m}" for m in MODEL_FOLDERS)):
        (base / folder).mkdir(parents=True, exist_ok=True)
    for weights in standins.glob("*/*.safetensors"):
        _link(weights, base / "models" / weights.parent.name / weights.name)
    for name, folder in TOY_MODELS.items():
        weights = REPO / "lab" / "toyworld" / "weights" / f"{name}.safetensors"
        _link(weights, base / "models" / folder / weights.name)
    for file in (*MATERIALS.glob("*.png"), *standins.glob("input/*")) if pictures else ():
        shutil.copy(file, base / "input")
    _link(REPO / "lab" / "toyworld" / "custom_nodes" / "ffgo_standins", base / "custom_nodes" / "ffgo_standins")
    if pack:
        _link(pack, base / "custom_nodes" / PACK_FOLDER)
    return base


@contextlib.contextmanager
def running_server(
    host: Host, base: Path, *, port: int = 0, page: Path | None = None, env: Mapping[str, str | None] | None = None
) -> Iterator[Server]:
    """Start ComfyUI on the base folder and wait until it answers, however slowly; stop it on the way out.

    page: the folder of another page than its own; env: what to set in its environment, or with None to take out of it.
    Raises: SetupError where it ends, or logs nothing for a long time, before it answers.
    """
    for _ in range(1 if port else TRIES):
        server = _start(host, base, port, page, env or {})
        try:
            if _comes_up(server):
                yield server
                return
        finally:
            _stop(server.process)
    raise SetupError("Another program took ComfyUI's port as it started. Run the command again.")


def _start(host: Host, base: Path, port: int, page: Path | None, env: Mapping[str, str | None]) -> Server:
    port = _usable_port(port)
    log_file = base / f"comfyui-{port}.log"
    command = [
        str(host.python), str(host.comfyui / "main.py"), "--cpu", "--port", str(port), "--base-directory", str(base),
        "--database-url", "sqlite:///:memory:", "--disable-auto-launch", "--log-stdout",
        *(("--front-end-root", str(page)) if page else ()),
    ]  # fmt: skip
    # The tools of the tests must not be seen by the host.
    changed = {**os.environ, **env, "PYTHONPATH": str(host.packages)}
    environment = {name: value for name, value in changed.items() if value is not None}
    with log_file.open("w") as log:
        process = subprocess.Popen(command, cwd=base, env=environment, stdout=log, stderr=subprocess.STDOUT)
    return Server(f"http://127.0.0.1:{port}", base, log_file, process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _comes_up(server: Server) -> bool:
    """Wait until it answers; False where another program took its free port before it did."""
    try:
        wait_for(lambda: server.process.poll() is not None or _answers(server), server.log_size)
    except TimeoutError as error:
        raise SetupError(f"ComfyUI does not answer: {error}. {_end_of_log(server)}") from error
    if server.process.poll() is None:
        return True
    if PORT_TAKEN in server.log():
        return False
    raise SetupError(f"ComfyUI stopped while starting. {_end_of_log(server)}")


def _answers(server: Server) -> bool:
    if PORT_OPEN not in server.log():  # until then it may be another program that answers there
        return False
    with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
        urllib.request.urlopen(f"{server.url}/system_stats", timeout=5).close()
        return True
    return False


def _end_of_log(server: Server) -> str:
    return f"The end of {server.log_file}:\n{server.log()[-3000:]}"


def _usable_port(port: int) -> int:
    """A free port, or the wanted one if nobody listens there."""
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"Port {port} is in use. Stop what listens there, or choose another with --port."
            ) from error
        return probe.getsockname()[1]


def _link(source: Path, destination: Path) -> None:
    if destination.exists():
        return
    try:
        destination.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # Windows without the right to make links
        if source.is_dir():
            shutil.copytree(source, destination, ignore=shutil.ignore_patterns(".git", "demo-output"))
        else:
            shutil.copy(source, destination)
