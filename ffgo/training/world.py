"""The processes that share one run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed

from ..errors import FFGOError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class World:
    """This process among all of a run; alone where nothing else was started."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> "World":
        """As torch.distributed was set up, which `accelerate launch` and `torchrun` do."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, tensors: Iterable[Tensor]) -> None:
        """Add up tensors of one dtype over all processes, in place, in one message.

        Not DistributedDataParallel: this is immune to checkpointed blocks, sends no base weights, and is the same code
        for one process and for many.
        """
        if self.size == 1:
            return
        tensors = list(tensors)
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def agree(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says so."""
        votes = torch.tensor([float(flag)], device=device)
        self.sum([votes])
        return bool(votes.item())

    def first_does(self, work: Callable[[], Result], device: torch.device) -> Result | None:
        """What the first process makes of it; None on the others, which wait.

        Raises: FFGOError on all where it does on the first: none is left behind waiting.
        """
        refusal, result = None, None
        if self.is_first:
            try:
                result = work()
            except FFGOError as error:
                refusal = error
        if self.agree(refusal is not None, device):
            raise refusal or FFGOError("The first process of this run could not go on; its own error says why.")
        return result

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Part from the others when the work is done: a process that ends while it is still bound to them is aborted
        now and then (pytorch issue 190489), and its launcher reports a failure."""
        if self.size > 1:
            distributed.destroy_process_group()
