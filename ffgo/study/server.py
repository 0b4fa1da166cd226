"""The study's server: pages, clips and answers for people's browsers. It knows no ComfyUI, and no method.

What a browser gets is made of tokens. The server alone knows which clip is which; whose it is, not even the server.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from ..errors import FFGOError
from . import answering, people, sets
from .database import StorageError, Writer, open_database
from .people import Arrival, RefusedError, StudyParticipant
from .sets import StudySet
from .study_file import ANSWERS_FILE, MEDIA, Study, read_study, served_folder
from .throttle import Throttle
from .view import state_of

logger = logging.getLogger("ffgo")

T = TypeVar("T")
PAGES = Path(__file__).parent / "pages"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MEDIA_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg"}
MOST_BYTES = 64 * 1024
"""Of a request's body; a whole set of answers is a hundredth of it."""
SESSION_COOKIE, SESSION_S = "study_session", 30 * 24 * 3600
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "study",
}
SHELLS = ("/", "/set", "/done")
"""Addresses of the one page; it shows what the state says."""


class StudyServer:
    """A study that is open to browsers."""

    def __init__(self, folder: Path, *, behind_proxy: bool = False, now: Callable[[], float] = time.time):
        """Raises: FFGOError where there is no study, or its answers cannot be opened."""
        self.served = served_folder(folder)
        self.study: Study = read_study(folder)
        self._media = (self.served / MEDIA).resolve()
        self._pages = {path.name: path for path in PAGES.iterdir() if path.suffix in TYPES}
        self._proxied, self._now = behind_proxy, now
        self._throttle = Throttle()
        self.writer = Writer(open_database(self.served / ANSWERS_FILE, self.study.id))

    def app(self) -> web.Application:
        """The application; it closes the answers when it is cleaned up."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._in_words])
        app.on_response_prepare.append(_with_headers)
        app.on_cleanup.append(self._close)
        app.router.add_routes(
            [
                *(web.get(path, self._shell) for path in SHELLS),
                web.get("/pages/{name}", self._page),
                web.get("/media/{name}", self._clip),
                web.get("/api/state", self._state),
                web.post("/api/login", self._log_in),
                web.post("/api/step", self._step),
                web.post("/api/answers", self._answers),
                web.post("/api/event", self._event),
                web.post("/api/submit", self._submit),
            ]
        )
        return app

    async def _close(self, _: web.Application) -> None:
        self.writer.close()

    # ------------------------------------------------------------ pages and clips

    async def _shell(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._pages["index.html"], headers={"Cache-Control": "no-cache"})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        path = self._pages.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        kind = f"{TYPES[path.suffix]}; charset=utf-8"
        return web.FileResponse(path, headers={"Cache-Control": "no-cache", "Content-Type": kind})

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        """A clip or a first frame of one of the asker's own sets."""
        token, dot, suffix = request.match_info["name"].rpartition(".")
        kind = MEDIA_TYPES.get(dot + suffix)
        if kind is None or not token.isalnum() or not token.isascii():
            raise web.HTTPNotFound
        path = self._media / f"{token}.{suffix}"
        if not path.is_file():
            raise web.HTTPNotFound
        if token not in await self._as_participant(request, partial(sets.may_see, study=self.study)):
            raise RefusedError(403, "This is not part of your sets.")
        return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": "private, max-age=86400"})

    # ------------------------------------------------------------ what browsers ask and say

    async def _state(self, request: web.Request) -> web.StreamResponse:
        """Where a participant is, and all that the page shows there."""
        try:
            return _json(await self._as_participant(request, self._state_of))
        except RefusedError as error:
            if error.status != 403:
                raise
            return _json(state_of(self.study, None, None))

    def _state_of(self, database: sqlite3.Connection, participant: StudyParticipant) -> dict[str, Any]:
        if participant.consented is None or participant.instructed is None:
            return state_of(self.study, participant, None)
        one = sets.current(database, self.study, participant, self._now())
        if one is None:
            return state_of(self.study, participant, None)
        given = answering.answers_of(database, one), answering.watched(database, self.study, one)
        return state_of(self.study, participant, one, *given)

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request, pid=str, study_id=str, session_id=str)
        wait_s = self._throttle.ask(self._address(request), self._now())
        if wait_s:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait_s)})
        arrival = Arrival(**said, agent=request.headers.get("User-Agent", ""))
        session = await self.writer.run(lambda database: people.log_in(database, arrival, self._now()))
        response = _json({})
        secure = self._proxied and request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(
            SESSION_COOKIE, session, max_age=SESSION_S, httponly=True, samesite="Lax", secure=secure, path="/"
        )
        return response

    async def _step(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request, done=str)
        await self._as_participant(request, lambda db, who: people.note(db, who, said["done"], self._now()))
        return _json({})

    async def _answers(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request, set=str, answers=list)
        try:
            answers = [answering.StudyAnswer(one["slot"], one["question"], one["value"]) for one in said["answers"]]
        except (KeyError, TypeError):
            raise RefusedError(400, "These are no answers.") from None
        if not all(type(a.slot) is int and isinstance(a.question, str) and _is_value(a.value) for a in answers):
            raise RefusedError(400, "These are no answers.")
        await self._with_set(
            request, said["set"], lambda db, _, one: answering.save(db, self.study, one, answers, self._now())
        )
        return _json({})

    async def _event(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request, set=str, what=str, slot=int)

        def take_note(database: sqlite3.Connection, _: StudyParticipant, one: StudySet) -> list[int]:
            what, slot, now = said["what"], said["slot"], self._now()
            return answering.take_note(database, self.study, one, what=what, slot=slot, now=now)

        return _json({"watched": await self._with_set(request, said["set"], take_note)})

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request, set=str)
        await self._with_set(
            request, said["set"], lambda db, who, one: answering.submit(db, self.study, who, one, self._now())
        )
        return _json({})

    # ------------------------------------------------------------ what all of them share

    async def _as_participant(
        self, request: web.Request, part: Callable[[sqlite3.Connection, StudyParticipant], T]
    ) -> T:
        """Raises: RefusedError where the session is nobody's."""
        session = request.cookies.get(SESSION_COOKIE, "")
        return await self.writer.run(lambda database: part(database, people.participant_of(database, session)))

    async def _with_set(
        self, request: web.Request, token: str, part: Callable[[sqlite3.Connection, StudyParticipant, StudySet], T]
    ) -> T:
        """Raises: RefusedError where the set is not the asker's."""
        return await self._as_participant(
            request, lambda database, who: part(database, who, sets.set_of(database, who, token))
        )

    def _address(self, request: web.Request) -> str:
        if self._proxied:  # the proxy adds the one that it saw behind what a browser claims
            return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return request.remote or ""

    @web.middleware
    async def _in_words(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Every refusal as JSON with a sentence for the participant."""
        try:
            return await handler(request)
        except RefusedError as error:
            return _json({"error": str(error)}, error.status)
        except StorageError as error:
            logger.error("%s: %s", self.served, error)
            return _json({"error": "Your last answer could not be saved. The page tries again by itself."}, 507)
        except web.HTTPException as error:
            return _json({"error": _SENTENCES.get(error.status, error.reason)}, error.status, error.headers)
        except Exception:
            logger.exception("%s: a request failed", self.served)
            return _json({"error": "Something went wrong here. All that was saved is kept; please reload."}, 500)


_SENTENCES = {
    404: "There is nothing here. Go back to the start of the study.",
    405: "This cannot be done here.",
    413: "This is too much at once.",
    429: "Too many people log in at this moment. The page tries again by itself.",
}


def _is_value(value: Any) -> bool:
    return value is None or type(value) is int


def _json(content: Any, status: int = 200, headers: Any = None) -> web.Response:
    kept = {"Retry-After": headers["Retry-After"]} if headers and "Retry-After" in headers else {}
    return web.json_response(content, status=status, headers={"Cache-Control": "no-store", **kept})


async def _said(request: web.Request, **fields: type) -> dict[str, Any]:
    """The fields of a request's body. Raises: RefusedError for any other."""
    if request.content_type != "application/json":  # what a form of another site cannot send
        raise RefusedError(415, "This is no request of the study's page.")
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or any(type(body.get(name)) is not kind for name, kind in fields.items()):
        raise RefusedError(400, "This is no request of the study's page.")
    return {name: body[name] for name in fields}


async def _with_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    if request.path.startswith("/media/"):  # when a file was written may tell of what
        for name in ("Last-Modified", "ETag"):
            response.headers.pop(name, None)


def require_served(folder: Path) -> Path:
    """The served folder of a study that is complete. Raises: FFGOError."""
    served = served_folder(folder)
    if not (served / MEDIA).is_dir():
        raise FFGOError(f"{served} has no {MEDIA} folder. Copy the whole served folder, or build the study anew.")
    return served
