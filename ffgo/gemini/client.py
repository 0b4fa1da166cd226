"""One question to Gemini over google-genai: sent, retried where that helps, and every failure in plain words."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..plain import parse_json
from .answer import MOST_BODY, SHOWN, AnswerError
from .key import Access, NoAccessError
from .refusal import Trouble, read_refusal
from .request import CancelledError, Request
from .session import limited_session

if TYPE_CHECKING:
    from aiohttp import ClientSession

LOOK_S = 0.1
"""How often it is looked whether the user cancelled."""


class AskError(AnswerError):
    """Gemini did not answer at all."""

    def __init__(self, message: str, may_be_billed: bool = False):
        super().__init__(message)
        self.may_be_billed = may_be_billed


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often."""

    timeout_s: float = 180.0
    """For one answer."""
    attempts: int = 4
    first_delay_s: float = 2.0
    """Before the second attempt; doubled before each further one."""
    longest_delay_s: float = 30.0
    longest_asked_s: float = 90.0
    """A server that wants a longer pause than this is not waited for."""


class Connection:
    """A google-genai client for one event loop. Open and close it there."""

    def __init__(self, access: Access, patience: Patience, session: "ClientSession | None"):
        self._access, self._patience, self._session = access, patience, session
        self._client = _make_client(access, patience.timeout_s, session)

    @classmethod
    async def open(cls, access: Access, patience: Patience) -> "Connection":
        """Raises: NoAccessError, AskError where no client can be made here."""
        session = None if access.vertex else limited_session()  # Vertex AI has its own, with Google's credentials
        try:
            return cls(access, patience, session)
        except BaseException:
            if session is not None:
                await session.close()
            raise

    async def close(self) -> None:
        await self._client.aio.aclose()
        if self._session is not None:
            await self._session.close()

    async def ask(self, request: Request, cancelled: Callable[[], bool]) -> str:
        """The body of the answer. Raises: AskError when there is none, in words that never hold the key."""
        contents, config = await asyncio.to_thread(_written, request, cancelled)
        attempt = 1
        while True:
            body, trouble = await self._attempt(request.model, contents, config)
            if trouble is None:
                return body
            pause = self._pause(trouble, attempt)
            if pause is None:
                raise AskError(f"{trouble.message}{_tries(attempt)}", trouble.may_be_billed)
            await _pass(pause, cancelled)
            attempt += 1

    async def _attempt(self, model: str, contents: list[Any], config: Any) -> tuple[str, Trouble | None]:
        try:
            response = await self._client.aio.models.generate_content(model=model, contents=contents, config=config)
        except Exception as error:  # google-genai lets those of four packages through, some with the request in them
            return "", _understood(error, self._access, self._patience.timeout_s)
        body = (response.sdk_http_response and response.sdk_http_response.body) or ""
        return body, _error_inside(body, self._access)

    def _pause(self, trouble: Trouble, attempt: int) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        if not trouble.retry or attempt == self._patience.attempts:
            return None
        if trouble.delay_s is not None:
            return trouble.delay_s if trouble.delay_s <= self._patience.longest_asked_s else None
        delay = min(self._patience.first_delay_s * 2 ** (attempt - 1), self._patience.longest_delay_s)
        return delay * random.uniform(1.0, 1.25)  # so that several do not come back at the same moment


async def _pass(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Wait. Raises: CancelledError when the user cancels meanwhile."""
    clock = asyncio.get_running_loop()
    end = clock.time() + seconds
    while (left := end - clock.time()) > 0:
        if cancelled():
            raise CancelledError
        await asyncio.sleep(min(left, LOOK_S))


def _make_client(access: Access, timeout_s: float, session: "ClientSession | None") -> Any:
    try:
        from google.genai import Client, types
    except ImportError as error:
        raise NoAccessError(
            f"The package google-genai is missing ({error}). Install it where ComfyUI runs: pip install google-genai"
        ) from None
    options = types.HttpOptions(
        timeout=round(timeout_s * 1000),
        api_version=None if access.vertex else "v1beta",  # v1 lacks models
        retry_options=types.HttpRetryOptions(attempts=1),  # or the package sleeps and retries by itself
        async_client_args={"allow_redirects": False},  # the key goes to Google and nowhere else
        aiohttp_client=session,
    )
    try:
        # Vertex AI finds project, place and credentials in the environment.
        return Client(vertexai=access.vertex, api_key=None if access.vertex else access.key, http_options=options)
    except Exception as error:  # of three packages, for credentials, proxies and certificates
        problem = access.scrub(str(error) or type(error).__name__)[:SHOWN]
    if access.vertex:
        raise NoAccessError(f"Vertex AI is switched on but cannot be used: {problem}")
    raise AskError(
        f"no connection to Gemini can be made here: {problem}. Check the proxy (HTTPS_PROXY, ALL_PROXY) and the "
        "certificates (SSL_CERT_FILE, SSL_CERT_DIR) that the environment names."
    )


def _written(request: Request, cancelled: Callable[[], bool]) -> tuple[list[Any], Any]:
    """The request as google-genai wants it: the prompt first, then the pictures, the clip last."""
    from google.genai import types

    parts = [types.Part.from_text(text=request.prompt)]
    for blob in (medium.encode(cancelled) for medium in request.media):
        metadata = types.VideoMetadata(fps=blob.fps) if blob.fps else None
        parts.append(
            types.Part(inline_data=types.Blob(data=blob.data, mime_type=blob.mime), video_metadata=metadata),
        )
    config = types.GenerateContentConfig(
        seed=request.seed,
        should_return_http_response=True,  # the package drops the reason of a refusal when it reads the answer
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    if request.wants == "picture":
        config.response_modalities = ["TEXT", "IMAGE"]  # text, so that a refusal can be read
        config.image_config = types.ImageConfig(
            aspect_ratio=request.aspect_ratio or None, image_size=request.resolution or None
        )
    return [types.Content(role="user", parts=parts)], config


def _understood(error: Exception, access: Access, timeout_s: float) -> Trouble:
    """What an exception of google-genai, or of what it stands on, means."""
    import aiohttp
    from google.auth.exceptions import GoogleAuthError
    from google.genai.errors import APIError

    said = access.scrub(str(error))[:SHOWN]
    match error:
        case APIError():
            return _http_error(error, access)
        case TimeoutError():
            return Trouble(
                f"Gemini did not answer within {timeout_s:g} s (timeout). It may have worked on it, "
                "and billed it: run again with a longer timeout.",
                may_be_billed=True,
            )
        case aiohttp.ClientPayloadError():
            return Trouble(
                "the answer is truncated: the connection broke in the middle of it. Run again.", may_be_billed=True
            )
        case aiohttp.ClientSSLError():
            return Trouble(f"no safe connection to Gemini: {said}. Check the proxy and the certificates.")
        case aiohttp.ClientError() | ConnectionError():
            return Trouble(f"the connection to Gemini was dropped or refused: {said}. Check the network.", retry=True)
        case GoogleAuthError():
            return Trouble(f"Google Cloud does not let this machine in: {said}. Check its credentials.")
        case json.JSONDecodeError():
            return Trouble(f"the server answers with an error that is no JSON ({said}). Run again.", retry=True)
        case _:
            return Trouble(f"google-genai failed with {type(error).__name__}: {said}")


def _http_error(error: Any, access: Access) -> Trouble:
    """What an HTTP error of the server means."""
    header = getattr(error.response, "headers", None) or {}
    code = error.code if isinstance(error.code, int) else 0
    return read_refusal(access.cleaned(error.details), code, str(header.get("Retry-After", "")))


def _error_inside(body: str, access: Access) -> Trouble | None:
    """An error that came as if it were an answer, with HTTP 200."""
    try:
        content = parse_json(body, most=MOST_BODY) if '"error"' in body else None
    except ValueError:
        return None
    content = content[0] if isinstance(content, list) and content else content
    if isinstance(content, dict) and content.get("error") and not content.get("candidates"):
        return read_refusal(access.cleaned(content), 200)
    return None


def _tries(attempts: int) -> str:
    return f" (Tried {attempts} times.)" if attempts > 1 else ""
