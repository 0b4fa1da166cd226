"""`python -m ffgo.training` with the small text encoders of the stand-ins, whose sizes ComfyUI does not know.

Usage: python -m tests.host.small_job JOB, in the repository.
"""

import sys

from ffgo.host.boot import boot_here
from ffgo.training.__main__ import main

boot_here("--cpu")
import comfy.sd  # noqa: E402  there now

from lab.toyworld.custom_nodes.ffgo_standins.small_encoder import load_small_encoder  # noqa: E402

comfy.sd.load_clip = lambda ckpt_paths, **_: load_small_encoder(ckpt_paths[0])
sys.exit(main())
