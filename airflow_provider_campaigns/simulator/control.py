"""The control port: the same methods as in Python, for tests that are not in Python or not in this process."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, FastAPI, Request
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator.server import KoreSimulator

Fields = Annotated[dict[str, Any], Body()]

_KINDS = ("fail", "drop", "hang", "truncate", "trickle", "hint", "garble", "redirect", "mislabel")
_ORDERS = {kind: f"{kind}_next" for kind in _KINDS}
_ORDERS |= {"random": "random_faults", "maintain": "maintain", "refuse": "refuse_connections"}


def control_app(simulator: KoreSimulator) -> FastAPI:
    """The ASGI application that steers a simulator; it is no part of the simulated service.

    What may open or close a port is no coroutine: it waits for the event loop that this runs in.
    """
    app = FastAPI(
        title="Kore.ai simulator control", description="Steers a simulator; the real service has none of this."
    )
    app.add_exception_handler(ValueError, _bad_request)
    app.add_exception_handler(TypeError, _bad_request)
    app.add_exception_handler(LookupError, _not_found)

    _add_state_paths(app, simulator)
    _add_campaign_paths(app, simulator)
    _add_fault_paths(app, simulator)
    return app


def _add_state_paths(app: FastAPI, simulator: KoreSimulator) -> None:
    @app.get("/state")
    async def state() -> dict[str, Any]:
        """Campaigns, switches, faults to come, and how many requests were logged."""
        return {**simulator.snapshot(), "faults": simulator.faults.pending(), "requests": len(simulator.requests)}

    @app.get("/requests")
    async def requests(operation: str | None = None, campaign_id: str | None = None) -> list[dict[str, Any]]:
        """The request log, oldest first."""
        operations = [operation] if operation else []
        return [record.as_json() for record in simulator.requests.of(*operations, campaign_id=campaign_id)]

    @app.post("/reset")
    def reset() -> dict[str, str]:
        """Go back to the beginning."""
        simulator.reset()
        return {"status": "reset"}

    @app.post("/seed")
    async def seed(source: Annotated[dict[str, Any] | list[dict[str, Any]], Body()]) -> dict[str, list[str]]:
        """Add campaigns and set switches."""
        return {"campaign_ids": simulator.seed(source)}

    @app.get("/snapshot")
    @app.post("/snapshot")
    async def snapshot() -> dict[str, Any]:
        """Campaigns and switches, for `/restore` or `/seed`."""
        return simulator.snapshot()

    @app.post("/restore")
    async def restore(source: Fields) -> dict[str, str]:
        """Go back to a snapshot."""
        simulator.restore(source)
        return {"status": "restored"}

    @app.get("/switches")
    async def switches() -> dict[str, Any]:
        """All switches."""
        return dataclasses.asdict(simulator.switches())

    @app.put("/switches")
    async def change_switches(changes: Fields) -> dict[str, Any]:
        """Set some switches; the others stay."""
        return dataclasses.asdict(simulator.switches(**changes))


def _add_campaign_paths(app: FastAPI, simulator: KoreSimulator) -> None:
    @app.post("/campaigns", status_code=201)
    async def add_campaign(fields: Fields) -> dict[str, str]:
        """Create a campaign from the fields of `add_campaign`."""
        return {"campaign_id": simulator.add_campaign(**fields)}

    @app.post("/campaigns/{campaign_id}/status")
    async def set_status(campaign_id: str, fields: Fields) -> dict[str, Any]:
        """Set a status: `{"status": "Paused"}`, with `"force": true` any text."""
        simulator.set_status(campaign_id, **fields)
        return dataclasses.asdict(simulator.campaign(campaign_id))

    @app.post("/campaigns/{campaign_id}/restart")
    async def restart(campaign_id: str) -> dict[str, str]:
        """Begin a new run."""
        return {"instance_id": simulator.restart(campaign_id)}

    @app.post("/campaigns/{campaign_id}/contacts")
    async def set_contacts(campaign_id: str, fields: Fields) -> dict[str, Any]:
        """Set the contact results: `{"contacts": 500}`, or a list of rows."""
        simulator.set_contacts(campaign_id, **fields)
        return dataclasses.asdict(simulator.campaign(campaign_id))


def _add_fault_paths(app: FastAPI, simulator: KoreSimulator) -> None:
    @app.get("/faults")
    async def faults() -> list[str]:
        """The faults to come, in words."""
        return simulator.faults.pending()

    @app.post("/faults", status_code=201)
    def order_fault(order: Fields) -> list[str]:
        """Order a fault: `kind` is fail, drop, hang, truncate, trickle, hint, garble, redirect or mislabel.

        Or random, maintain or refuse, which are about no single request. The other fields are the arguments of the
        method of that name, for example `{"kind": "drop", "after": true, "operation": "stop"}`.
        """
        kind = order.pop("kind", None)
        if kind not in _ORDERS:
            raise ValueError(f"kind is one of {', '.join(_ORDERS)}, not {kind!r}")
        getattr(simulator, _ORDERS[kind])(**order)
        return simulator.faults.pending()

    @app.delete("/faults")
    async def clear_faults() -> list[str]:
        """Take back every fault that has not happened yet."""
        simulator.clear_faults()
        return simulator.faults.pending()


async def _bad_request(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 400)


async def _not_found(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 404)
