"""Calls endpoints that take only the request without FastAPI's layers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

__all__ = ["DirectRoutes"]


class DirectRoutes:
    """Calls the endpoints without parameters directly, and passes other requests to the application.

    FastAPI has nothing to check for them, and its middleware, routing and dependencies took 0.2 of the 0.5 ms
    of CPU of a request for the status.

    Parameters
    ----------
    app : FastAPI
        All routes; answers what is not called directly.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._endpoints = {
            route.path: route.endpoint
            for route in app.routes
            if isinstance(route, APIRoute) and route.methods == {"GET"} and _takes_only_the_request(route)
        }

    @property
    def paths(self) -> frozenset[str]:
        """The paths that are called directly, by GET."""
        return frozenset(self._endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = None
        if scope["type"] == "http" and scope["method"] == "GET":
            endpoint = self._endpoints.get(scope["path"].removeprefix(scope.get("root_path", "")))
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        response = await endpoint(Request({**scope, "app": self._app}))
        await response(scope, receive, send)


def _takes_only_the_request(route: APIRoute) -> bool:
    needs: Any = route.dependant
    checked = (
        needs.path_params,
        needs.query_params,
        needs.header_params,
        needs.cookie_params,
        needs.body_params,
        needs.dependencies,
    )
    return needs.request_param_name is not None and not any(checked)
