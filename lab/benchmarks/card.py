"""What a CUDA card does with an expert of the 14B's real size and random weights; nothing is downloaded.

Training takes the largest of a few clips that fits the card by the plan's own arithmetic. The weights are made on the
card; main memory holds them once, while a merged LoRA keeps what it replaced. Without a card, or in the small
form, a small expert does the same on the processor, so that it is known to work.
"""

import sys
import tempfile
from collections.abc import Iterator

from lab.workshop.comfyui import Host
from lab.workshop.server import ensure_standins

from .training import results, start


def rows(*, small: bool = False) -> Iterator[dict]:
    """Training against a forward pass, its memory against the plan, our LoRA loader against the host's, its ways."""
    host = Host.current()
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        worker = start(host, "card_worker.py", "card", folder, str(ensure_standins(host)), "0", str(int(small)))
        for row in results([worker]):
            if "note" in row:
                print(f"[ffgo] {row['note']}", file=sys.stderr, flush=True)
            else:
                yield row
