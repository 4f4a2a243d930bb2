"""`python -m airflow_provider_campaigns budget`: what the request budget of an account looks like at this moment."""

# ruff: noqa: T201 - a command line prints

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_campaigns.kore.errors import shown_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_campaigns.kore.budget import RequestBudget


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0, or 1 with one line of explanation where something cannot be read."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _show_budget(options: argparse.Namespace) -> int:
    from airflow_provider_campaigns.kore.budget_shared import StoreAwayError  # noqa: PLC0415
    from airflow_provider_campaigns.kore.budget_view import as_text, view  # noqa: PLC0415
    from airflow_provider_campaigns.kore.errors import KoreError  # noqa: PLC0415
    from airflow_provider_campaigns.kore.identity import this_process  # noqa: PLC0415

    try:
        # Airflow may log to the standard output, which belongs to the answer.
        with contextlib.redirect_stdout(sys.stderr):
            budget = _budget_behind(options.conn_id)
            try:
                code, ledger = 0, budget.peek()
            except StoreAwayError as error:
                code, ledger = _failed(f"the store is away ({error})"), budget.peek(here=True)
    except KoreError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(error.strerror or type(error).__name__)
    if ledger.is_damaged:
        return _failed("it is damaged, and begins anew with the next request")
    if code == 0 or ledger.saved_at > 0:
        me = this_process().machine
        seen = view(ledger, budget, at=datetime.now(UTC), machine=me, is_seen_last=bool(code))
        print(json.dumps(seen, indent=2) if options.json else as_text(seen))
    return code


def _budget_behind(conn_id: str) -> RequestBudget:
    # Unlike a hook's, this way sees the connections of the metadata database outside of a task.
    from airflow.models.connection import Connection  # noqa: PLC0415

    from airflow_provider_campaigns.hooks import settings_of  # noqa: PLC0415
    from airflow_provider_campaigns.kore.client import budget_of  # noqa: PLC0415

    return budget_of(settings_of(conn_id, Connection.get_connection_from_secrets))


def _failed(why: str) -> int:
    print(f"cannot read the request budget: {why}", file=sys.stderr)
    return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What was typed may have been pasted, and what is printed here may be the log of a job.
        super().error(shown_words(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m airflow_provider_campaigns", description="Kore.ai campaigns.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    budget = commands.add_parser(
        "budget",
        help="show the request budget of an account",
        description="Show who uses the request budget of an account, who waits, and what holds it back. Nothing is "
        "sent to the platform, and nothing is changed. Run it as the user, and in the container, that runs the tasks.",
    )
    budget.add_argument("--conn-id", default="kore_default", help="the Airflow connection (default: %(default)s)")
    budget.add_argument("--json", action="store_true", help="as one JSON object")
    budget.set_defaults(run=_show_budget)
    return parser


if __name__ == "__main__":
    sys.exit(main())
