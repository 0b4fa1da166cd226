"""Before many jobs begin: which servers answer, and what they still have of a runner that was killed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from .engine import Engine, ServerFacts
from .kinds import ServerLostError
from .results import Flights
from .rules import Board, Job, Piece
from .workflow import Workflow


def take_up(board: Board[Job], pieces: Mapping[str, Piece[Job]], flights: Flights) -> None:
    """What servers have of a runner that ended is waited for there, and not queued once more. pieces: by key."""
    left = dict(pieces)
    for flight in flights.before:
        if flight.server in board.places and (piece := left.pop(flight.key, None)):
            board.keep(flight.server, piece, flight.job_id)


async def look_at_servers(
    board: Board[Job], engine: Engine, workflows: Iterable[Workflow], say: Callable[[str], object]
) -> dict[str, ServerFacts]:
    """What the servers that answer say of themselves; the others are asked later.

    Raises: ServerLostError where none answers, FFGOError where one is no ComfyUI.
    """
    classes = {node["class_type"] for workflow in workflows for node in workflow.values()}
    facts: dict[str, ServerFacts] = {}
    answers = await asyncio.gather(*(engine.ask(one, classes) for one in engine.servers), return_exceptions=True)
    for server, answer in zip(engine.servers, answers, strict=True):
        if isinstance(answer, ServerFacts):
            facts[server] = answer
        elif isinstance(answer, ServerLostError) and len(answers) > 1:
            say(str(answer))
            board.silent(server)
        else:
            raise answer
    if not facts:
        raise ServerLostError(f"None of {', '.join(engine.servers)} answers. Start ComfyUI there.")
    return facts
