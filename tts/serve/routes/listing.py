"""``GET /v1/models``: the models that are served."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from tts.serve.errors import unknown_model
from tts.serve.models import OpenedModel
from tts.serve.state import State


def router(state: State) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.get("/v1/models")
    async def models(request: Request) -> dict[str, Any]:
        key = request.state.key
        allowed = [m for name, m in state.models.items() if key is None or key.models is None or name in key.models]
        return {"object": "list", "data": [described(model) for model in allowed]}

    @routes.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        if name not in state.models:
            raise unknown_model(name, ", ".join(state.models))
        return described(state.models[name])

    return routes


def described(model: OpenedModel) -> dict[str, Any]:
    """Return a model in OpenAI's shape, with its usual strategy and budget."""
    usual = {"strategy": model.strategy, "budget": model.budget, "model": model.parts.model}
    return {"id": model.name, "object": "model", "created": 0, "owned_by": "tts", "tts": usual}
