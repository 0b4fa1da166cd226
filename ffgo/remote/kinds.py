"""What kind of thing went wrong with a job on a server: who has many jobs decides by it what becomes of them.

ServerLostError      the server went away with the job, or forgot it: elsewhere, or later, it may succeed
JobRefusedError      the server does not take the job
NodeFailedError      a node of the job failed, or the job was stopped
+-- NodeMemoryError  for want of memory: a larger card may do it
LocalDiskError       the results cannot be written here: no other job can succeed either
"""

from typing import Literal

from ..errors import FFGOError
from .workflow import UsageError

Kind = Literal["lost", "refused", "failed", "memory", "other"]
"""other: the server, or something before it, does what ComfyUI does not."""


class ServerLostError(FFGOError):
    """The server went away with the job, or no longer knows it."""


class JobRefusedError(FFGOError):
    """The server does not take the job."""


class NodeFailedError(FFGOError):
    """A node failed, or somebody stopped the job on the server, or it took too long."""


class NodeMemoryError(NodeFailedError):
    """A node failed for want of memory."""


class LocalDiskError(FFGOError):
    """The results cannot be written on this machine."""


class UnwritableError(UsageError, LocalDiskError):
    """The folder for the results is none that can be written to."""


def kind_of(error: FFGOError) -> Kind:
    """What kind of error a job ended with."""
    if isinstance(error, ServerLostError):
        return "lost"
    if isinstance(error, JobRefusedError | UsageError):
        return "refused"
    if isinstance(error, NodeMemoryError):
        return "memory"
    return "failed" if isinstance(error, NodeFailedError) else "other"
