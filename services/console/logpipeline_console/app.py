"""The console's HTTP server: the page, its events, and the records behind a detection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from logpipeline import threads
from logpipeline.errors import first_line
from logpipeline.lake.names import PAGE
from logpipeline_console import reports
from logpipeline_console.access import PageHeaders, TokenAccess
from logpipeline_console.board import Board, fill
from logpipeline_console.evidence import BadRequestError, Evidence, UnavailableError, asked

_STATIC = Path(__file__).with_name("static")
_LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
_HEARTBEAT_SECONDS = 15


def application(
    board: Board,
    about: Mapping[str, Any],
    sources: dict[str, Callable[[], Any]],
    evidence: Evidence,
    *,
    token: str | None,
    lake: str | None = None,
) -> Starlette:
    """Return the server's application; without a `token` it answers to the names of this machine alone, so that no page
    from elsewhere can be read through a name that leads here. `lake` is the URL of the lake's writer.
    """

    async def page(_: Request) -> Response:
        return FileResponse(_STATIC / "index.html", media_type="text/html")

    async def events(_: Request) -> Response:
        async def stream() -> AsyncIterator[ServerSentEvent]:
            async for event in board.events():
                yield ServerSentEvent(event.data, event=event.kind)

        return EventSourceResponse(stream(), ping=_HEARTBEAT_SECONDS)

    async def snapshot(_: Request) -> Response:
        return Response(board.document(), media_type="application/json")

    async def records(request: Request) -> Response:
        try:
            question = asked(request.query_params.multi_items(), evidence.goals)
            return JSONResponse(await run_in_threadpool(evidence.answer, question))
        except BadRequestError as error:
            return JSONResponse({"error": str(error)}, 400)
        except UnavailableError as error:
            return JSONResponse({"error": str(error)}, 503)

    async def report(request: Request) -> Response:
        path = request.path_params["path"]
        if lake is None or not PAGE.fullmatch(path):
            return PlainTextResponse("There is no such page.\n", 404)
        try:
            status, content = await run_in_threadpool(reports.content, lake, path)
        except OSError as error:
            return PlainTextResponse(f"The writer of the lake does not answer: {first_line(error)}\n", 503)
        if status != HTTPStatus.OK:
            return Response(content, status, media_type="text/plain")
        return Response(content, media_type="text/html", headers=reports.HEADERS)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await board.put("about", about)
        filling = asyncio.create_task(fill(board, sources), name="feed")
        threads.watch(filling)
        yield
        filling.cancel()

    middleware = [Middleware(PageHeaders), Middleware(GZipMiddleware, minimum_size=1000)]
    if token is None:
        middleware.insert(1, Middleware(TrustedHostMiddleware, allowed_hosts=_LOOPBACK, www_redirect=False))
    else:
        middleware.insert(1, Middleware(TokenAccess, token=token))
    return Starlette(
        routes=[
            Route("/", page),
            Route("/events", events),
            Route("/api/snapshot", snapshot),
            Route("/api/records", records),
            Route("/reports/{path:path}", report),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=middleware,
        lifespan=lifespan,
    )
