"""Clients on a Ray cluster: an actor for each server, on a machine that reaches it, started anew by Ray when it dies.

Nothing is shared but messages: pictures travel to the actor, and what the job made travels back. Ray (`ffgo[farm]`) is
imported when a cluster is wanted.
"""

import asyncio
import re
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..names import plain_name
from . import kinds
from .engine import ServerFacts, Show, ask, shown_addresses
from .headless import Result, run
from .progress import Silent
from .request import JobRequest, picture_key
from .workflow import UsageError

WITH_RESOURCE = re.compile(r"([A-Za-z_]\w*)=(.+)")
PLACED_S = 120.0
"""How long Ray may take to find a machine for a server, and to start its actor."""
STORE_BYTES = 256 * 2**20
"""Of the memory for messages, where Ray is started on this machine alone."""
TELLING = {
    kind.__name__: kind
    for kind in (kinds.ServerLostError, kinds.JobRefusedError, kinds.NodeFailedError, kinds.NodeMemoryError, UsageError)
}
"""Errors that are the same wherever the client runs."""


class Client:
    """Talks to one server; this is what runs on the cluster."""

    def __init__(self, address: str):
        self._address = address
        self._running: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, classes: Sequence[str]) -> dict[str, Any]:
        """As `engine.ask`, as plain values."""
        try:
            facts = await ask(self._address, classes)
        except FFGOError as error:
            return _told(error)
        return {"version": facts.version, "nodes": {name: dict(inputs) for name, inputs in facts.nodes.items()}}

    async def run(
        self, request: JobRequest, pictures: dict[str, bytes], job_id: str, may_be_there: bool
    ) -> dict[str, Any]:
        """As `headless.run`; what it fetched comes back in the answer."""
        task = asyncio.ensure_future(self._run(request, pictures, job_id, may_be_there))
        self._running[job_id] = task
        try:
            return await task
        except asyncio.CancelledError:
            return {"cancelled": True}
        finally:
            self._running.pop(job_id, None)

    async def stop(self, job_id: str) -> None:
        """Take a job off the server; over when it is."""
        if task := self._running.get(job_id):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(
        self, request: JobRequest, pictures: dict[str, bytes], job_id: str, may_be_there: bool
    ) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="ffgo-") as folder:
            here = Path(folder)
            for name, content in pictures.items():
                (here / name).write_bytes(content)
            moved = request.with_pictures(lambda path: here / path)
            try:
                result = await run(
                    self._address,
                    out=here / "out",
                    job_id=job_id,
                    may_be_there=may_be_there,
                    show=Silent,
                    **moved.options(),
                )
            except FFGOError as error:
                return _told(error)
            contents = {path.name: path.read_bytes() for paths in result.files.values() for path in paths}
        files = {title: [path.name for path in paths] for title, paths in result.files.items()}
        return {
            "prompt_id": result.prompt_id, "workflow": result.workflow, "outputs": result.outputs,
            "texts": result.texts, "files": files, "contents": contents,
        }  # fmt: skip


def _told(error: FFGOError) -> dict[str, Any]:
    return {"error": type(error).__name__, "words": str(error)}


class OnRay:
    """An engine: an actor for each server."""

    def __init__(self, servers: Iterable[str], address: str = ""):
        """servers: "URL", or "RESOURCE=URL" for one that a machine with this custom resource reaches. address: of the
        cluster; without one, it is started on this machine.

        Raises: UsageError, also where Ray is not installed; FFGOError where it does not start.
        """
        found = [(match[1], match[2]) if (match := WITH_RESOURCE.fullmatch(one)) else ("", one) for one in servers]
        addresses = shown_addresses(address for _, address in found)
        self.servers: Sequence[str] = list(addresses)
        self._ray = _started(address)
        made = self._ray.remote(num_cpus=0, max_restarts=-1)(Client)
        self._actors = {
            name: made.options(resources={resource: 1} if resource else None).remote(at)
            for (name, at), (resource, _) in zip(addresses.items(), found, strict=True)
        }

    async def ask(self, server: str, classes: Iterable[str] = ()) -> ServerFacts:
        try:
            async with asyncio.timeout(PLACED_S):
                facts = _checked(await self._call(server, "ask", sorted(set(classes))))
        except TimeoutError:
            raise kinds.ServerLostError(
                f"Ray has started no client for {server} within {PLACED_S:g} s: no machine of the cluster is free that "
                "has its resource. `ray status` shows what there is."
            ) from None
        return ServerFacts(facts["version"], facts["nodes"])

    async def run(
        self, server: str, request: JobRequest, out: Path, *, job_id: str = "", may_be_there: bool = False, show: Show
    ) -> Result:
        names = {path: picture_key(path) for path in request.pictures()}
        contents = {name: path.read_bytes() for path, name in names.items()}
        moved = request.with_pictures(lambda path: Path(names[path]))
        show(request.workflow).queued()  # as good as: when it really is, nobody here is told
        try:
            made = _checked(await self._call(server, "run", moved, contents, job_id, may_be_there))
        except asyncio.CancelledError:
            with suppress(FFGOError):
                await self._call(server, "stop", job_id)
            raise
        out.mkdir(parents=True)
        paths = {name: out / plain_name(name, f"a file of {server}") for name in made["contents"]}
        for name, path in paths.items():
            path.write_bytes(made["contents"][name])
        files = {title: [paths[name] for name in names] for title, names in made["files"].items()}
        return Result(made["prompt_id"], made["workflow"], made["outputs"], files, made["texts"])

    async def close(self) -> None:
        self._ray.shutdown()

    async def _call(self, server: str, method: str, *arguments: object) -> dict[str, Any]:
        """Raises: ServerLostError where the actor ended, or its machine."""
        try:
            return await getattr(self._actors[server], method).remote(*arguments)
        except self._ray.exceptions.RayActorError as error:
            why = str(error).splitlines()[0][:300]
            raise kinds.ServerLostError(f"The client for {server} ended: {why}. Ray starts it anew.") from error
        except self._ray.exceptions.RayError as error:
            raise FFGOError(f"Ray failed with the client for {server}: {str(error)[:1000]}") from error


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Raises: the error that a client met."""
    if "error" in answer:
        raise TELLING.get(answer["error"], FFGOError)(answer["words"])
    return answer


def _started(address: str) -> Any:
    """Ray, connected to its cluster, or started here."""
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UsageError('--engine ray needs Ray: pip install "ffgo[farm]" (some 200 MB).') from None
    here = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "_node_ip_address": "127.0.0.1"}
    package = Path(__file__).parents[1]
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if not address else None,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"py_modules": [str(package)]} if address else None,
            **({} if address else here),
        )
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        where = f"The Ray cluster at {address} cannot be reached" if address else "Ray does not start on this machine"
        raise FFGOError(
            f"{where}: {str(error)[:500]}. Without --engine ray, this process talks to all servers."
        ) from error
    return ray
