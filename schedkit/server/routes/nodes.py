"""``/api/v1/nodes``: lists the processes at the ledger, and ends one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from schedkit.server import shapes
from schedkit.server.bodies import Ending
from schedkit.server.document import WITH_BODY, answers, body
from schedkit.server.service import Service, actor, json_body

__all__ = ["END_NODE", "node_routes"]

END_NODE = "/api/v1/nodes/end"


def node_routes(service: Service) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter(tags=["nodes"])

    @router.get("/api/v1/nodes", responses=answers(shapes.Nodes))
    async def list_nodes() -> Response:
        """Return the processes that run tasks, the oldest first, and their workers."""
        picture = await service.pictures.current()
        head = picture.snapshot["scheduler"]
        return service.answer(shapes.Nodes(items=list(head["nodes"]), workers=list(head["workers"])))

    @router.post(
        END_NODE,
        status_code=202,
        responses=answers(shapes.Message, 409, *WITH_BODY, status=202),
        openapi_extra=body(Ending, example={"node": "reports", "deadline": "1m"}),
    )
    async def end_node(request: Request) -> Response:
        """End a process; others with the same tasks take over. Needs the scope admin."""
        wanted = await json_body(request, Ending)
        name = await service.verbs.end_node(wanted.node, wanted.deadline, actor=actor(request))
        service.pictures.outdate()
        return service.answer(shapes.Message(message=f"{name} was told to end"), 202)

    return router
