"""``python -m demo run`` (make demo) and ``python -m demo airflow`` (make airflow)."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn

from demo.airflow_api import AirflowApiError
from demo.airflow_home import HomeBusyError
from demo.airflow_stack import AirflowStack, AirflowStackError
from demo.evening import (
    DAGS_FOLDER,
    REPOSITORY,
    REQUESTS_PER_MINUTE,
    add_connection,
    by_id,
    run_lifecycle,
    say_line,
    seeded_simulator,
    shortcomings,
    table,
)
from demo.ports import PortBusyError

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

HOME = REPOSITORY / ".airflow"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo, or keep Airflow until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the lifecycle DAG once and end everything")
    keep = commands.add_parser("airflow", help="keep a seeded Airflow with its user interface until Ctrl-C")
    keep.add_argument("--port", type=int, default=0, help="port of the user interface; any free one by default")
    options = parser.parse_args(arguments)
    # Leaving the blocks below ends every process. Both signals must do that, also where a shell that starts this in the
    # background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run() if options.command == "run" else _keep(options.port)
    except KeyboardInterrupt:
        say_line("\nInterrupted; everything that was started has ended.")
        return 130
    except (AirflowApiError, AirflowStackError, HomeBusyError, PortBusyError, TimeoutError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _terminate(signum: int, _: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _run() -> int:
    with seeded_simulator() as simulator:
        before = by_id(simulator)
        say_line(f"Campaigns on the Kore.ai simulator ({simulator.url}):")
        say_line(table(before))
        simulator.switches(rate_limit=REQUESTS_PER_MINUTE)
        with _airflow(HOME / "demo", port=0) as stack:
            add_connection(stack.api, simulator, requests_per_minute=REQUESTS_PER_MINUTE)
            say_line(
                "\nRunning the DAG kore_end_of_campaigns, which stops the campaigns named 'Spring *' when their\n"
                "calling hours end, in one to two minutes, saves their results, asks, and deletes them:"
            )
            run = run_lifecycle(stack.api, simulator, say=say_line)
        found = shortcomings(before, simulator, run)
        if run.state != "success":
            found.insert(0, f"the DAG run ended as {run.state}; its logs are in {HOME / 'demo' / 'logs'}")
        say_line("\nCampaigns afterwards, as the simulator has them:")
        say_line(table(before, by_id(simulator)))
    if found:
        say_line("\nThis is not what should have happened:\n  " + "\n  ".join(found))
        return 1
    say_line("\nFrom the close to the answer to each stop:")
    say_line("\n".join(f"  {seconds:6.3f} s  {name}" for name, seconds in run.lateness_s.items()))
    say_line("\nOpen a report in your browser:\n  " + "\n  ".join(run.pages))
    say_line(
        "\nEvery chosen campaign was stopped once, reported and deleted once, and is gone; the others are untouched.\n"
        "Next: `make airflow` opens the same Airflow in your browser; example_dags/ holds the DAGs;\n"
        "docs/connection.md connects a real account."
    )
    return 0


def _keep(port: int) -> int:
    with seeded_simulator() as simulator, _airflow(HOME / "ui", port=port) as stack:
        add_connection(stack.api, simulator)
        for dag_id in sorted(path.stem for path in DAGS_FOLDER.glob("kore_*.py")):
            stack.api.wait_for_dag(dag_id)
            stack.api.unpause(dag_id)
        say_line(_welcome(stack, simulator))
        while True:
            time.sleep(1)
            stack.check()


def _airflow(home: Path, *, port: int) -> AirflowStack:
    say_line(f"\nStarting Airflow {version('apache-airflow')} (15 to 30 s) ...")
    return AirflowStack(home, DAGS_FOLDER, port=port)


def _welcome(stack: AirflowStack, simulator: KoreSimulator) -> str:
    return f"""
Airflow          {stack.url}
  login          {stack.username}
  password       {stack.password}
Kore.ai simulator {simulator.url}  (API description at /docs)
  its state      {simulator.control_url}/state and /requests

The connection kore_default leads to the simulator. Its campaigns:
{table(by_id(simulator))}

Trigger kore_end_of_campaigns to stop and delete the campaigns named 'Spring *'. Ctrl-C ends everything."""


if __name__ == "__main__":
    sys.exit(main())
