"""The service's HTTP side: one FastAPI route per documented method and path, faults, and the request log."""

from __future__ import annotations

import asyncio
import json
import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response

from airflow_provider_campaigns.simulator import problems
from airflow_provider_campaigns.simulator.answers import Answer
from airflow_provider_campaigns.simulator.arguments import Call
from airflow_provider_campaigns.simulator.clock import iso_ms
from airflow_provider_campaigns.simulator.faults import ANOTHER_CAMPAIGN, ANOTHER_INSTANCE, GARBLED
from airflow_provider_campaigns.simulator.openapi import DESCRIPTION, operation_document
from airflow_provider_campaigns.simulator.routes import PLAIN_PATHS, ROUTES
from airflow_provider_campaigns.simulator.wire import Hinted, Reset, Trickled, Truncated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_campaigns.simulator.engine import Engine
    from airflow_provider_campaigns.simulator.faults import Fault
    from airflow_provider_campaigns.simulator.journal import RequestRecord
    from airflow_provider_campaigns.simulator.routes import Route
    from airflow_provider_campaigns.simulator.wire import Wire

_CAMPAIGN_ID = re.compile(r"(?<=\")cd-[^\"]*(?=\")")
_INSTANCE_ID = re.compile(r"(?<=\")cid-[^\"]*(?=\")")


def service_app(engine: Engine, wire: Wire) -> FastAPI:
    """The ASGI application that stands in for the campaign service."""
    app = FastAPI(title="Kore.ai campaign service (simulated)", description=DESCRIPTION, version="v1, v2")
    door = _Door(engine, wire)
    for route in ROUTES:
        app.add_api_route(
            route.path,
            door.endpoint(route),
            methods=[route.method],
            response_class=Response,
            **operation_document(route),
        )
    app.add_exception_handler(StarletteHTTPException, door.unknown)
    return app


class _Door:
    """Takes requests in, lets the engine answer them, and breaks what has been ordered broken."""

    def __init__(self, engine: Engine, wire: Wire) -> None:
        self._engine = engine
        self._wire = wire

    def endpoint(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        """The handler of a route: it takes the bare request, which keeps FastAPI's share of a call small."""

        async def handle(request: Request) -> Response:
            if route.printed and not self._engine.service.switches.printed_paths:
                raise HTTPException(405 if route.path in PLAIN_PATHS else 404)
            call = await _read_call(request, route)
            return await self._handle(request, call)

        return handle

    async def unknown(self, request: Request, error: Exception) -> Response:
        """Refuse a path or method that no page documents."""
        assert isinstance(error, StarletteHTTPException)  # noqa: S101 - what the handler is registered for
        wrong_method = error.status_code == 405
        refusal = problems.method_not_allowed(request.method) if wrong_method else problems.unknown_path()
        record = self._record(request, "unknown", None, request.path_params.get("campaignId"), await request.body())
        return self._respond(refusal.answer, record, refusal.reason)

    async def _handle(self, request: Request, call: Call) -> Response:
        record = self._record(request, call.operation, call.route.version, call.campaign_id, call.body)
        fault = self._engine.faults.take(call.operation, call.campaign_id, call.route.version)
        self._wire.keep_alive(request.scope, self._engine.service.switches.keep_alive)
        if latency := self._engine.service.switches.latency:
            await asyncio.sleep(latency)
        if fault is None:
            return self._respond(*self._answer(call, record))
        record.fault = str(fault)
        if fault.kind == "hang":
            return await self._hang(request, call, record, fault)
        if fault.moment == "before":
            return self._strike(fault, record, Answer(200, {}))
        answer, record, _ = self._answer(call, record)
        return self._strike(fault, record, answer)

    def _answer(self, call: Call, record: RequestRecord) -> tuple[Answer, RequestRecord, str | None]:
        try:
            answer = self._engine.service.answer(call)
        except problems.Refusal as refusal:
            return refusal.answer, record, refusal.reason
        record.effect = answer.effect
        return answer, record, None

    async def _hang(self, request: Request, call: Call, record: RequestRecord, fault: Fault) -> Response:
        answered = self._answer(call, record) if fault.moment == "after" else None
        if fault.moment == "late":
            gone = await _set_within(self._wire.closing, fault.seconds)
        else:
            gone = await _gone_within(request, fault.seconds)
        if gone:
            return Response(status_code=503)  # nobody hears it
        return self._respond(*(answered or self._answer(call, record)))

    def _strike(self, fault: Fault, record: RequestRecord, answer: Answer) -> Response:
        """What the caller gets instead of, or made from, the answer."""
        match fault.kind:
            case "drop":
                return Reset(self._wire)
            case "truncate":
                return Truncated(self._wire, answer.encoded(), answer.status)
            case "trickle":
                return Trickled(self._wire, answer.encoded(), answer.status, fault.seconds)
            case "hint":
                return Hinted(self._wire, self._respond(answer, record, None), fault.status)
            case "garble":
                return self._send(record, fault.status, GARBLED.encode(), "text/html", fault.headers)
            case "mislabel":
                text = _CAMPAIGN_ID.sub(ANOTHER_CAMPAIGN, answer.encoded().decode())
                text = _INSTANCE_ID.sub(ANOTHER_INSTANCE, text)
                return self._send(record, answer.status, text.encode(), "application/json")
            case _:
                content, media_type = _content(fault.answer_body())
                return self._send(record, fault.status, content, media_type, fault.headers)

    def _respond(self, answer: Answer, record: RequestRecord, reason: str | None) -> Response:
        record.reason = reason
        return self._send(record, answer.status, answer.encoded(), "application/json", answer.headers)

    def _send(
        self, record: RequestRecord, status: int, content: bytes, media_type: str, headers: Any = None
    ) -> Response:
        record.status = status
        record.answered_monotonic = self._engine.clock.monotonic()
        own = {name.lower(): text for name, text in dict(headers or {}).items()}
        date = {"date": formatdate(self._engine.clock.time(), usegmt=True)}
        return Response(content, status, date | own, media_type)

    def _record(
        self, request: Request, operation: str, version: str | None, campaign_id: str | None, body: bytes
    ) -> RequestRecord:
        clock = self._engine.clock
        return self._engine.requests.add(
            at=iso_ms(clock.time()),
            monotonic=clock.monotonic(),
            operation=operation,
            version=version,
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=_readable(body),
            campaign_id=campaign_id,
        )


async def _read_call(request: Request, route: Route) -> Call:
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    return Call(
        route=route,
        iid=request.path_params["iid"],
        campaign_id=request.path_params.get("campaignId"),
        query=dict(pairs),
        repeated={name for name in names if names.count(name) > 1},
        headers=dict(request.headers),
        body=await request.body(),
    )


async def _gone_within(request: Request, seconds: float) -> bool:
    """Wait so long, and tell whether the caller gave up meanwhile (then return at once)."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait so long, and tell whether the event was set meanwhile (then return at once)."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _content(body: Any) -> tuple[bytes, str]:
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain"
    return json.dumps(body).encode(), "application/json"


def _readable(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
