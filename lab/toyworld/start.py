"""What the models of the toy world begin with: those of the boundary 0.9.

They need be no files of the tree any more: they are in its history.
"""

import subprocess
from pathlib import Path

from ffgo.files import complete_file

START = {
    "vae": "9966277f8f51d78ef00e7d5b96666cbe941bbe84",
    "text_encoder": "d66dadbb7d3f9a0df61747c275c8f72ca514b579",
    "high": "d3dc006a376097265eae56e89d6d1ededc451252",
    "low": "d3dc006a376097265eae56e89d6d1ededc451252",
}
"""What all begins with, in the same way: the VAE stays as it was, the text encoder gets words, and both experts begin
as the low-noise one, which has seen all of (0, .9]."""


def start_file(what: str, folder: Path) -> Path:
    """The file of a model that is begun with, in `folder`."""
    return _from_history(START[what], folder / "start" / f"{what}.safetensors")


def _from_history(blob: str, done: Path) -> Path:
    """Taken out of the repository's history where it is not there yet; git's name for it is its hash."""
    if not done.exists():
        command = ["git", "-C", str(Path(__file__).parent), "cat-file", "blob", blob]
        done.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(done) as partial:
            partial.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return done
