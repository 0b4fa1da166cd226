"""How many may log in at once from one address: a whole class or laboratory may, a program that tries IDs may not."""

from collections import OrderedDict

BURST, PER_SECOND = 120, 1.0
"""Log-ins from one address at once, and how many a second are added again."""
MOST_ADDRESSES = 10_000


class Throttle:
    """A bucket of log-ins for each address."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def ask(self, address: str, now: float) -> int:
        """0 where one more is granted; else the seconds to wait."""
        left, since = self._left.pop(address, (float(BURST), now))
        left = min(float(BURST), left + max(0.0, now - since) * PER_SECOND)
        granted = left >= 1
        self._left[address] = (left - 1 if granted else left, now)
        while len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return 0 if granted else int((1 - left) / PER_SECOND) + 1
