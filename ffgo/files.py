"""Files that are there only when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, of the same suffix; it takes the place of `path` when nothing was raised.

    What a failure leaves is removed, and `path` stays as it was. Raises: OSError where the disk refuses.
    """
    partial = path.with_name(f".{path.stem}-{uuid4().hex}{path.suffix}")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
