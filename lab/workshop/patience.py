"""Waits that no slow machine breaks: as long as there are signs of life. Standard library only."""

import time
from collections.abc import Callable
from typing import TypeVar

# Far more than the longest step without a word takes on a machine with ten jobs for each core.
SILENCE_S = 900
T = TypeVar("T")


def wait_for(ready: Callable[[], T], sign: Callable[[], object] = bool, *, silence_s: float = SILENCE_S) -> T:
    """Wait until `ready` gives something true; returns that.

    sign: what changes while there is progress, such as a log's length; without a change for silence_s the wait ends.
    Raises: TimeoutError.
    """
    last, since = sign(), time.monotonic()
    while not (found := ready()):
        if (now := sign()) != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > silence_s:
            raise TimeoutError(f"nothing moved for {silence_s:.0f} s")
        time.sleep(0.05)
    return found
