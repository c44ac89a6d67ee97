"""The application: the routes behind the gate, and errors of the framework in the shape of all others."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from tts import __version__
from tts.registry import STRATEGIES
from tts.serve.config import ServeConfig
from tts.serve.errors import NO_JSON, Failure, internal, unknown_path, wrong_method
from tts.serve.gateway import Gate
from tts.serve.keys import Keys, read_keys
from tts.serve.mcp.http import PATH, McpEndpoint
from tts.serve.models import Models
from tts.serve.requests.described import describe_requests
from tts.serve.requests.validation import failure_of_validation
from tts.serve.routes import chat, decisions, health, listing, score
from tts.serve.routes.body_route import BodyRoute
from tts.serve.state import State

TEXT = {"type": "string"}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": TEXT,
                "type": TEXT,
                "param": {"anyOf": [TEXT, {"type": "null"}]},
                "code": TEXT,
            },
        }
    },
}
"""The schema of every error."""
ROUTERS = (health.router, listing.router, chat.router, score.router, decisions.router)
"""Each makes the routes of one subject for a state."""


class Described(FastAPI):
    """An application whose description has the requests that it takes and the errors that it really sends."""

    def openapi(self) -> dict[str, Any]:
        """Return the description: every error has one shape, and status 422 is not sent."""
        if self.openapi_schema is None:
            schema = super().openapi()
            parts = schema.setdefault("components", {})
            named = parts.setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                named.pop(name, None)
            named["Error"] = ERROR
            state: State = self.state.gateway
            describe_requests(named, state.models, STRATEGIES.names(), state.config.limits)
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"key": []}, {}]
            content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
            for operations in schema["paths"].values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
                    operation["responses"]["default"] = {"description": "An error", "content": content}
        assert self.openapi_schema is not None
        return self.openapi_schema


def create_app(models: Models, config: ServeConfig, keys: Keys | None = None) -> FastAPI:
    """Return the application; ``app.state.gateway`` is its state.

    Args:
        models: the open models.
        config: the configuration of the server.
        keys: the keys that are accepted; None reads those of the configuration.

    Raises:
        InputError: keys that cannot be read, or an address beyond loopback without keys.
    """
    state = State(models, config, read_keys(config) if keys is None else keys)
    app = Described(title="tts", version=__version__, redirect_slashes=False)
    app.state.gateway = state
    direct: dict[tuple[str, str], Any] = {}
    for router in ROUTERS:
        made = router(state)
        direct |= {("POST", route.path): route.app for route in made.routes if isinstance(route, BodyRoute)}
        app.include_router(made)
    app.router.routes.append(Route(PATH, McpEndpoint(state), include_in_schema=False))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_middleware(Gate, state=state, direct=direct)
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer for a path or a method that does not exist."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return answer(request, unknown_path())
    if error.status_code == 405:
        return answer(request, wrong_method((error.headers or {}).get("Allow", "another")))
    if error.status_code == 400:
        return answer(request, NO_JSON)
    return answer(request, internal(request.state.request_id))


async def _validation_error(request: Request, error: Exception) -> Response:
    """Answer for a body or a parameter of another shape."""
    assert isinstance(error, RequestValidationError)
    return answer(request, failure_of_validation(error.errors()))


def answer(request: Request, failure: Failure) -> Response:
    """Return the response of an error."""
    request.state.exchange.code = failure.code
    return Response(failure.body, failure.status, dict(failure.headers), "application/json")
