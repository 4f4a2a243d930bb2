"""The notifier that writes to the log."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.notifications import LogNotifier

if TYPE_CHECKING:
    import pytest


async def called_for_a_deadline(message: str, context: Any) -> None:
    """As the triggerer does it."""
    await LogNotifier(message=message, context=context)


def test_notify__of_a_task(caplog: pytest.LogCaptureFixture):
    """A task's callback is called with the context, and writes its rendered message as an error."""
    LogNotifier(message="run {{ run_id }}: {{ exception }}")({"run_id": "r-1", "exception": ValueError("no answer")})

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "run r-1: no answer")
    ]


def test_async_notify__of_a_deadline(caplog: pytest.LogCaptureFixture):
    """A deadline's callback is awaited, and sees the run as Airflow's REST API shows it."""
    context = {"dag_run": {"dag_run_id": "r-2"}, "deadline": {"deadline_time": "2026-03-02T12:31:00Z"}}

    asyncio.run(called_for_a_deadline("run {{ dag_run.dag_run_id }}: late", context))

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.ERROR, "run r-2: late")]
