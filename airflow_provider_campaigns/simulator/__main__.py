"""`python -m airflow_provider_campaigns.simulator`: run a simulator until it is interrupted."""

# ruff: noqa: T201 - a command line prints

from __future__ import annotations

import argparse
import json
import logging
import shlex
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator.credentials import Credentials
from airflow_provider_campaigns.simulator.seeds import HANDFUL, read_seed
from airflow_provider_campaigns.simulator.server import KoreSimulator
from airflow_provider_campaigns.simulator.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 after SIGINT or SIGTERM, 1 with one line of explanation if it cannot start."""
    options = _parser().parse_args(arguments)
    if options.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopped = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stopped.set())
    try:
        simulator = _simulator(options)
        simulator.start()
    except (OSError, TypeError, ValueError) as error:
        print(f"cannot start the simulator: {_in_words(error)}", file=sys.stderr)
        return 1
    try:
        _introduce(simulator)
        stopped.wait()
    finally:
        simulator.close()
    return 0


def _simulator(options: argparse.Namespace) -> KoreSimulator:
    given = {name: getattr(options, name) for name in ("client_id", "client_secret", "stream_id", "account_id")}
    changes: dict[str, Any] = dict(options.switch)
    if options.rate_limit is not None:
        changes["rate_limit"] = options.rate_limit or None
    if options.latency is not None:
        changes["latency"] = options.latency
    simulator = KoreSimulator(
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        allow_remote=options.allow_remote,
        access_log=options.verbose,
        ids_seed=options.seed,
        credentials=Credentials(**{name: value for name, value in given.items() if value}),
        switches=Switches().changed(**changes),
        seed=read_seed(options.seed_file) if options.seed_file else HANDFUL,
    )
    if options.random_faults:
        simulator.random_faults(options.random_faults, seed=options.seed)
    return simulator


def _introduce(simulator: KoreSimulator) -> None:
    print(f"Kore.ai campaign service (simulated)  {simulator.url}")
    print(f"API page                              {simulator.url}/docs")
    print(f"control port                          {simulator.control_url}/docs")
    for campaign in simulator.campaigns():
        print(f"  {campaign.campaign_id}  {campaign.campaign_type:5}  {campaign.status:9}  {campaign.name}")
    print(f"export AIRFLOW_CONN_KORE_DEFAULT={shlex.quote(simulator.connection_json())}")
    print("Ctrl-C ends it.", flush=True)


def _in_words(error: Exception) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_campaigns.simulator",
        description="A local Kore.ai campaign service. Its state lives in memory and ends with it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=0, help="port of the service (default: a free one)")
    parser.add_argument("--control-port", type=_port, default=0, help="port that steers it (default: a free one)")
    parser.add_argument("--allow-remote", action="store_true", help="listen on an address that is not loopback")
    parser.add_argument("--seed-file", metavar="FILE", help="JSON with campaigns and switches (default: a handful)")
    parser.add_argument("--rate-limit", type=int, metavar="N", help="requests per minute (default: 60; 0: no limit)")
    parser.add_argument("--latency", type=float, metavar="S", help="seconds that every request waits")
    parser.add_argument(
        "--switch",
        action="append",
        type=_switch,
        default=[],
        metavar="NAME=VALUE",
        help="set a switch, for example delete_running=accept; may be repeated",
    )
    parser.add_argument("--random-faults", type=float, metavar="RATE", help="share of requests that fail, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="for ids and random faults (default: %(default)s)")
    for name in ("client-id", "client-secret", "stream-id", "account-id"):
        parser.add_argument(f"--{name}", help="made up anew unless given")
    parser.add_argument("--verbose", action="store_true", help="log a line per request")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is from 0 to 65535")
    return port


def _switch(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("give NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    sys.exit(main())
