"""One question to Gemini over google-genai: sent, retried where that helps, and every failure in plain words."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answer import SHOWN, AnswerError
from .key import Access, NoAccessError
from .request import Request

RETRIED = (408, 429, 500, 502, 503, 504)
"""HTTP codes after which the same question may succeed. Nothing is billed for them."""


class AskError(AnswerError):
    """Gemini did not answer at all."""


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


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong in one attempt."""

    message: str
    retry: bool = False
    delay_s: float | None = None
    """The pause that the server asks for."""


class Connection:
    """A google-genai client for one event loop. Close it there."""

    def __init__(self, access: Access, patience: Patience):
        self._access, self._patience = access, patience
        self._client = _make_client(access, patience.timeout_s)

    async def close(self) -> None:
        await self._client.aio.aclose()

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
                raise AskError(f"{trouble.message}{_tries(attempt)}")
            await asyncio.sleep(pause)
            attempt += 1

    async def _attempt(self, model: str, contents: list[Any], config: Any) -> tuple[str, Trouble | None]:
        try:
            response = await self._client.aio.models.generate_content(model=model, contents=contents, config=config)
        except Exception as error:  # google-genai lets those of four packages through, some with the request in them
            return "", _understood(error, self._access, self._patience.timeout_s)
        return (response.sdk_http_response and response.sdk_http_response.body) or "", None

    def _pause(self, trouble: Trouble, attempt: int) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        if not trouble.retry or attempt == self._patience.attempts:
            return None
        if trouble.delay_s is not None:
            return trouble.delay_s if trouble.delay_s <= self._patience.longest_asked_s else None
        delay = min(self._patience.first_delay_s * 2 ** (attempt - 1), self._patience.longest_delay_s)
        return delay * random.uniform(1.0, 1.25)  # so that several do not come back at the same moment


def _make_client(access: Access, timeout_s: float) -> Any:
    try:
        from google.auth.exceptions import GoogleAuthError
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
    )
    try:
        # Vertex AI finds project, place and credentials in the environment.
        return Client(vertexai=access.vertex, api_key=None if access.vertex else access.key, http_options=options)
    except (GoogleAuthError, ValueError) as error:
        problem = access.scrub(str(error))
    raise NoAccessError(f"Vertex AI is switched on but cannot be used: {problem}")


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
            return _refusal(error, access)
        case TimeoutError():
            return Trouble(
                f"Gemini did not answer within {timeout_s:g} s (timeout). It may have worked on it, "
                "and billed it: run again with a longer timeout."
            )
        case aiohttp.ClientPayloadError():
            return Trouble("the answer is truncated: the connection broke in the middle of it. Run again.")
        case aiohttp.ClientSSLError():
            return Trouble(f"no safe connection to Gemini: {said}. Check the proxy and the certificates.")
        case aiohttp.ClientError() | ConnectionError():
            return Trouble(f"the connection to Gemini was dropped or refused: {said}. Check the network.", retry=True)
        case GoogleAuthError():
            return Trouble(f"Google Cloud does not let this machine in: {said}. Check its credentials.")
        case json.JSONDecodeError():
            return Trouble(f"the answer is truncated or no JSON: {said}. Run again.")
        case _:
            return Trouble(f"google-genai failed with {type(error).__name__}: {said}")


def _refusal(error: Any, access: Access) -> Trouble:
    """What an HTTP error of the server means."""
    said = access.scrub(str(error.message or error.status or ""))[:SHOWN]
    details = _details(error.details)
    code = f"HTTP {error.code}{f' {error.status}' if error.status else ''}"
    if error.code == 429:
        quotas = [v.get("quotaId", "") for d in details for v in d.get("violations", [])]
        if any("PerDay" in quota for quota in quotas):
            return Trouble(f"the quota for today is used up ({code}: {said}). Wait until tomorrow or change the model.")
    if error.code in RETRIED or error.code >= 500:
        delay = _delay(error, details)
        asks = f" The server asks for a pause of {delay:g} s." if delay else ""
        return Trouble(f"the server cannot answer now ({code}: {said}).{asks} Run again later.", True, delay)
    if any(d.get("reason") == "API_KEY_INVALID" for d in details) or error.code in (401, 403):
        return Trouble(f"the server does not accept the key ({code}: {said}). Check the key and what it may use.")
    if error.code == 404:
        return Trouble(f"there is no such model ({code}: {said}). Choose another model.")
    return Trouble(f"the server refuses the request ({code}: {said}).")


def _details(content: Any) -> list[dict[str, Any]]:
    problem = content.get("error", content) if isinstance(content, dict) else {}
    details = problem.get("details") if isinstance(problem, dict) else None
    return [detail for detail in details or [] if isinstance(detail, dict)]


def _delay(error: Any, details: list[dict[str, Any]]) -> float | None:
    """Seconds that the server asks to wait: of RetryInfo, as in "7.5s", else of the header Retry-After."""
    headers = getattr(error.response, "headers", None) or {}
    asked = next((str(d["retryDelay"]).rstrip("s") for d in details if "retryDelay" in d), headers.get("Retry-After"))
    try:
        return None if asked is None else max(0.0, float(asked))
    except ValueError:  # a date, which Gemini does not send
        return None


def _tries(attempts: int) -> str:
    return f" (Tried {attempts} times.)" if attempts > 1 else ""
