"""A process that bears one that reports, whenever it is told to, and can have it killed at any line of our code.

It has everything loaded, so that its children begin at once. Each line of its standard input is the folder of a report
and, after a tab, the number of the line to be killed at, 0 for none. It answers with the exit code, negative for a
signal, and the number of lines that were executed, 0 after a kill.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow_provider_campaigns
from airflow_provider_campaigns.actions.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings

if TYPE_CHECKING:
    from types import FrameType

OUR_CODE = str(Path(airflow_provider_campaigns.__file__).parent) + os.sep


class Lines:
    """Counts the lines of our code that are executed, in all threads, and kills the process at one of them."""

    def __init__(self, dies_at: int) -> None:
        self.count = 0
        self._dies_at = dies_at

    def begin(self) -> None:
        """Count from here on."""
        threading.settrace(self._call)
        sys.settrace(self._call)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(OUR_CODE) else None

    def _line(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self._dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def main(settings: str, campaign_id: str) -> None:
    for name in ("requests", "jwt"):
        importlib.import_module(name)
    for order in sys.stdin:
        folder, dies_at = order.rstrip("\n").split("\t")
        answer, question = os.pipe()
        pid = os.fork()
        if not pid:
            lines = Lines(int(dies_at))
            try:
                lines.begin()
                report(settings, campaign_id, Path(folder))
                os.write(question, str(lines.count).encode())
                os._exit(0)
            finally:
                os._exit(1)
        os.close(question)
        with open(answer, "rb") as pipe:
            count = int(pipe.read() or 0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{code}\t{count}\n")
        sys.stdout.flush()


def report(settings: str, campaign_id: str, path: Path) -> None:
    client = KoreClient(KoreSettings(**json.loads(settings)), budget=RequestBudget(10_000, account_key=None))
    report_campaigns(client, [Target(campaign_id)], path, ReportOptions()).raise_failures("reported")


if __name__ == "__main__":
    main(*sys.argv[1:])
