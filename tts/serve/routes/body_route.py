"""Routes that take one JSON body: read, checked by its model, and handed to the endpoint, with nothing in between.

FastAPI describes them; its own way to an endpoint, through layers and dependencies, takes a third of the processor time
of a request beside its draws.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from tts.serve.body import Receive
from tts.serve.errors import NO_JSON, ApiError
from tts.serve.requests.validation import failure_of_validation

MISSING: Mapping[str, Any] = {"type": "missing", "loc": (), "msg": "Field required"}


class BodyRoute(APIRoute):
    """A route whose endpoint takes ``body`` and ``request``, and returns a response."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Take the endpoint, whose ``body`` names its model."""
        super().__init__(path, endpoint, **options)
        self._adapter: TypeAdapter[Any] = TypeAdapter(get_type_hints(endpoint)["body"])
        self.app = self._serve

    async def _serve(self, scope: Any, receive: Receive, send: Any) -> None:
        """Serve one request, whose body comes whole.

        Raises:
            ApiError: a body that is no JSON, or of another shape.
            Exception: of the endpoint.
        """
        scope["route"] = self
        body = self._read((await receive()).get("body", b""))
        response = await self.endpoint(body=body, request=Request(scope))
        await response(scope, receive, send)

    def _read(self, text: bytes) -> Any:
        if not text:
            raise ApiError(failure_of_validation([MISSING]))
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            found = {"type": "json_invalid", "loc": (), "ctx": {"error": error.msg}}
            raise ApiError(failure_of_validation([found])) from None
        except ValueError:
            raise ApiError(NO_JSON) from None
        try:
            return self._adapter.validate_python(content)
        except ValidationError as error:
            raise ApiError(failure_of_validation(error.errors(include_url=False))) from None
