"""What the models of this world begin with: those of the world before it, of frames of 64x64.

They are no files of the tree any more, but of its history, as the experts of the world's first boundary are.
"""

import subprocess
from pathlib import Path

from ffgo.files import complete_file

EARLIER = {
    "toy_high_noise.safetensors": "47258d36637ffe501ee6cdb12d5d746947ec2ad0",
    "toy_low_noise.safetensors": "d3dc006a376097265eae56e89d6d1ededc451252",
}
"""The experts of the boundary 0.9, by their files' names: what git calls their contents."""
START = {
    "vae": "9966277f8f51d78ef00e7d5b96666cbe941bbe84",
    "text_encoder": "d66dadbb7d3f9a0df61747c275c8f72ca514b579",
    "high": "d3dc006a376097265eae56e89d6d1ededc451252",
    "low": "d3dc006a376097265eae56e89d6d1ededc451252",
}
"""The models of the world before, in the same way; both experts begin as the low-noise one, which has seen
all of (0, .9]."""


def earlier_expert(name: str, folder: Path) -> Path:
    """The file of an expert of the boundary 0.9, in `folder`."""
    return _from_history(EARLIER[name], folder / name)


def start_file(what: str, folder: Path) -> Path:
    """The file of a model of the world before, in `folder`."""
    return _from_history(START[what], folder / "start" / f"{what}.safetensors")


def _from_history(blob: str, done: Path) -> Path:
    """Taken out of the repository's history where it is not there yet; git's name for it is its hash."""
    if not done.exists():
        command = ["git", "-C", str(Path(__file__).parent), "cat-file", "blob", blob]
        done.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(done) as partial:
            partial.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return done
