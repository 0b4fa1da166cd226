"""Serving a study until it is told to end: one process a study."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from ..errors import FFGOError
from ..locks import LOCK_FILE, sole_writer
from .server import StudyServer, require_served


def serve(
    folder: Path,
    host: str,
    port: int,
    *,
    behind_proxy: bool = False,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until SIGINT or SIGTERM; what is being answered then is finished first.

    port: 0 takes a free one; behind_proxy: who asks is read from what the proxy says; started: gets the address.
    Raises: FFGOError where there is no study, another process serves it, or the port is taken.
    """
    served = require_served(folder)
    with sole_writer(served / LOCK_FILE, f"The study {served} is being served"):
        asyncio.run(_serve(StudyServer(folder, behind_proxy=behind_proxy), host, port, started))


async def _serve(server: StudyServer, host: str, port: int, started: Callable[[str], None]) -> None:
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there asyncio itself turns Ctrl-C into a cancel
            asyncio.get_running_loop().add_signal_handler(number, end.set)
    runner = web.AppRunner(server.app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, OverflowError) as error:
            raise FFGOError(f"{host}:{port} cannot be used ({error}). Choose another --host or --port.") from error
        address = runner.addresses[0]
        started(f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}")
        await end.wait()
    finally:
        await runner.cleanup()
