"""What the page asks of the cast: who is there, and how they look. Nothing is written here."""

import asyncio

from aiohttp import web
from server import PromptServer

from ...ffgo.cast.member import SLUG
from ...ffgo.cast.picture_files import THUMB
from ...ffgo.cast.shelf import listed
from ._cast import the_cast


async def _list(_: web.Request) -> web.Response:
    cast = the_cast()
    members = await asyncio.to_thread(cast.members)
    return web.json_response({"folder": cast.folder.name, "members": listed(members)})


async def _thumb(request: web.Request) -> web.StreamResponse:
    slug = request.match_info["slug"]
    if not SLUG.fullmatch(slug):
        raise web.HTTPNotFound
    path = the_cast().folder / slug / THUMB
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Content-Type": "image/webp", "Cache-Control": "no-cache"})


def add_routes() -> None:
    """Once, when the pack is loaded."""
    routes = PromptServer.instance.routes
    routes.get("/ffgo/cast")(_list)
    routes.get("/ffgo/cast/{slug}/thumb")(_thumb)
