"""Where the client for a server runs: in this process, or (`engine_ray`) on a cluster."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .client import connect, parse_address
from .headless import Result, run
from .progress import Progress
from .request import JobRequest
from .workflow import UsageError, Workflow

Show = Callable[[Workflow], Progress]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself."""

    version: str
    """Of ComfyUI."""
    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Node class -> input -> its type, of the classes that were asked for and that it has."""


class Engine(Protocol):
    """Reaches servers. All of it can be cancelled: a job is then taken off its server."""

    servers: Sequence[str]
    """As they are called in messages: without passwords."""

    async def run(
        self, server: str, request: JobRequest, out: Path, *, job_id: str = "", may_be_there: bool = False, show: Show
    ) -> Result:
        """As `headless.run`, on one of the servers."""
        ...

    async def ask(self, server: str, classes: Iterable[str] = ()) -> ServerFacts:
        """Raises: ServerLostError where it does not answer, FFGOError where it is no ComfyUI."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Here:
    """This process talks to all servers."""

    def __init__(self, addresses: Iterable[str]):
        """Raises: UsageError for what is no address, or comes twice."""
        self._addresses = shown_addresses(addresses)
        self.servers: Sequence[str] = list(self._addresses)

    async def run(self, server: str, request: JobRequest, out: Path, **options: Any) -> Result:
        return await run(self._addresses[server], out=out, **request.options(), **options)

    async def ask(self, server: str, classes: Iterable[str] = ()) -> ServerFacts:
        return await ask(self._addresses[server], classes)

    async def close(self) -> None:
        return


def shown_addresses(addresses: Iterable[str]) -> dict[str, str]:
    """What can be shown of each address -> the address. Raises: UsageError for what is none, or comes twice."""
    shown: dict[str, str] = {}
    for address in addresses:
        name = str(parse_address(address).with_user(None)).rstrip("/")
        if name in shown:
            raise UsageError(f"--server {name} is given twice. Name each server once.")
        shown[name] = address
    return shown


async def ask(address: str, classes: Iterable[str] = ()) -> ServerFacts:
    """What the ComfyUI at `address` says of itself. Raises: FFGOError."""
    async with connect(address) as host:
        specs = await host.specs(classes)
        nodes = {name: {one: spec.type for one, spec in inputs.items()} for name, inputs in specs.items()}
        return ServerFacts(host.version, nodes)


def differences(facts: Mapping[str, ServerFacts]) -> list[str]:
    """What is not the same on all servers, in sentences; nothing where a batch cannot notice."""
    if len({one.version for one in facts.values()}) > 1:
        versions = ", ".join(f"{name} {one.version}" for name, one in facts.items())
        said = [f"The servers run different versions of ComfyUI: {versions}. Results may differ."]
    else:
        said = []
    every = sorted({name for one in facts.values() for name in one.nodes})
    for name in every:
        lacking = [server for server, one in facts.items() if name not in one.nodes]
        kinds = {tuple(sorted(one.nodes[name].items())) for one in facts.values() if name in one.nodes}
        if lacking:
            said.append(f"{', '.join(lacking)} has no node {name}, others do.")
        elif len(kinds) > 1:
            said.append(f"The node {name} has other inputs on some servers: its pack has different versions there.")
    return said
