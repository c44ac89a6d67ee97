"""The application of a view: its page, the library of its charts, and the answers that the page asks for."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from evals.report_page.page_parts import made_by
from evals.view.known import Query
from evals.view.page import view_page
from evals.view.run_view import RunView
from evals.view.session import View
from tts.errors import TTSError
from tts.serve.view.gate import App, Gate

if TYPE_CHECKING:
    from evals.view.page import ChartLibrary

ROWS = 100
"""The questions of a part of a list, unless the page asks for another number."""
MAX_FIND = 1_000
"""The most characters of a search."""


def create_app(view: View, library: ChartLibrary, *, token: str, cookie: str) -> App:
    """Return the application behind its gate.

    Args:
        view: the runs.
        library: of the charts.
        token: required of every request.
        cookie: the name of the cookie that holds it.
    """
    asked = {"summary": summary, "state": state, "questions": questions, "question": question}
    routes = [
        Route("/", page),
        Route("/library.js", lambda _: Response(library.text(), media_type="text/javascript")),
        *(Route(f"/api/{name}", _answered(view, answer)) for name, answer in asked.items()),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, TTSError: _unreadable})
    return Gate(app, token, cookie)


def page(_: Request) -> Response:
    """Return the page, with its content security policy."""
    html, allowed = view_page(secrets.token_urlsafe(16))
    return Response(html, media_type="text/html", headers={"content-security-policy": allowed})


def summary(view: View, _: Request) -> Any:
    """Return everything but the questions."""
    return {"command": "tts view", **made_by(), "pairs": None, "runs": [run.summary() for run in view.runs]}


def state(view: View, _: Request) -> Any:
    """Return what differs when the page must ask anew."""
    return {"runs": [run.state() for run in view.runs]}


def questions(view: View, request: Request) -> Any:
    """Return a part of a list."""
    run, query = _asked(view, request)
    return run.listed(query, _number(request, "from", 0), _number(request, "count", ROWS))


def question(view: View, request: Request) -> Any:
    """Return a question with its samples."""
    run, query = _asked(view, request)
    found = run.question(_number(request, "at", 0), query)
    if found is None:
        raise HTTPException(404, "there is no such question in this run")
    return found


def _asked(view: View, request: Request) -> tuple[RunView, Query]:
    """Return the run and the list that a request names."""
    given, number = request.query_params, _number(request, "run", 0)
    if number >= len(view.runs):
        raise HTTPException(404, f"run must be below {len(view.runs)}, the number of runs here")
    find = given.get("find", "")
    if len(find) > MAX_FIND:
        raise HTTPException(400, f"find has {len(find)} characters: search for at most {MAX_FIND}")
    query = Query(given.get("strategy", ""), given.get("only", "all"), given.get("order", "drawn"), find)
    return view.runs[number], query


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise HTTPException(400, f"{name} must be a whole number of at least 0")
    return int(text)


def _answered(view: View, answer: Callable[[View, Request], Any]) -> Callable[[Request], Response]:
    """Return the endpoint of an answer, which a thread serves as it reads files."""

    def endpoint(request: Request) -> Response:
        text = json.dumps(answer(view, request), allow_nan=False, separators=(",", ":"))
        return Response(text, media_type="application/json")

    return endpoint


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = "there is no such page here" if error.detail == "Not Found" else error.detail
    return PlainTextResponse(f"{sentence}\n", error.status_code)


def _unreadable(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", 503)
