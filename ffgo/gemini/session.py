"""What google-genai asks over: a session of aiohttp whose answers have a largest size, and are text in any case."""

from typing import Any

import aiohttp

from ..plain import parse_json
from .answer import MOST_BODY

BLOCK = 1 << 20


class LimitedResponse(aiohttp.ClientResponse):
    """An answer as google-genai reads it."""

    _read: str | None = None

    async def text(self, encoding: str | None = None, errors: str = "replace") -> str:
        """The body; what is no UTF-8 in it is replaced, for the rest was paid. Raises: ClientPayloadError."""
        if self._read is None:
            body = bytearray()
            try:
                async for block in self.content.iter_chunked(BLOCK):
                    body += block
                    if len(body) > MOST_BODY:
                        raise aiohttp.ClientPayloadError(f"larger than {MOST_BODY:,} bytes")
            except BaseException:
                self.close()
                raise
            self._read = body.decode(errors="replace")
        return self._read

    async def json(self, **_: Any) -> Any:
        """The body of an error; one that is no JSON, such as a proxy's page, is the error's message."""
        text = await self.text()
        try:
            return parse_json(text)
        except ValueError:
            return {"message": text, "status": self.reason}


def limited_session() -> aiohttp.ClientSession:
    """A session of the event loop that runs; it goes through the proxy that the environment names."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), trust_env=True, response_class=LimitedResponse
    )
