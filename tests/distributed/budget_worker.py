"""A process of a machine that shares a budget: sends to a counting service, and says how long it waited.

Its argument is JSON: ``kind`` and ``options`` of the store, ``directory``, ``address`` of the service, and what to do.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.budget_postgres import PostgresStore
from airflow_provider_campaigns.kore.budget_redis import RedisStore


def main(given: dict[str, Any]) -> None:
    """Let processes work; not this one, because the first of a PID namespace cannot be killed from within."""
    children = []
    for _ in range(given.get("processes", 1)):
        child = os.fork()
        if child == 0:
            work(given)
            return
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def say(**what: Any) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def work(given: dict[str, Any]) -> None:
    """Send for so many seconds, and print one line of JSON."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    store = (RedisStore if given["kind"] == "redis" else PostgresStore)(**given["options"])
    ahead_s = given.get("ahead_s", 0.0)
    budget = RequestBudget(
        given["limit"],
        given["window_s"],
        account_key=given["account"],
        urgent=given.get("urgent", 0),
        directory=Path(given["directory"]),
        store=store,
        clock=lambda: time.monotonic() + ahead_s,
        max_request_s=given.get("max_request_s", 2.0),
    )
    if "signal" in given:
        number = signal.Signals[given["signal"]]
        replace = store.replace

        def replaced(*arguments: Any, **versions: Any) -> Any:
            if os.path.exists(given["when"]):
                say(signalled=os.getpid())
                os.kill(os.getpid(), number)
            return replace(*arguments, **versions)

        store.replace = replaced
    store.load("to have it imported")
    waits = []
    until = time.monotonic() + given["seconds"]
    priorities = itertools.cycle(Priority[name] for name in given.get("priorities", ["READ"]))
    with socket.create_connection(tuple(given["address"])) as connection, connection.makefile("rb") as answers:
        while time.monotonic() < until:
            priority = next(priorities)
            asked_at = time.monotonic()
            with budget.slot(priority):
                waits.append((asked_at, time.monotonic() - asked_at))
                connection.sendall(f"{priority.name}\n".encode())
                answers.readline()
            time.sleep(given.get("every_s", 0.0))
    say(waits=waits)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
