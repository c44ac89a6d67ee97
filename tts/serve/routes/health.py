"""``/healthz``: the process answers; ``/readyz``: it takes questions."""

from __future__ import annotations

from fastapi import APIRouter

from tts.serve.errors import shutting_down
from tts.serve.state import State


def router(state: State) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz() -> dict[str, str]:
        if state.ending:
            raise shutting_down(state.wait_s)
        return {"status": "ready"}

    return routes
