"""The side of a ``Nursery`` that is a process of its own: it bears one process for each order, to be killed on the way.

It has everything loaded, so that its children begin at once. Each line of its standard input is a JSON array: the order
as text, and the number of the line of code to be killed at, 0 for none; a child that takes fewer lines is killed at its
end. It answers with the exit code, negative for a signal, and the number of lines that were executed, 0 after a kill.
Counting takes half of the time, so with null in place of the number nothing is counted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow_provider_campaigns

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

OUR_CODE = str(Path(airflow_provider_campaigns.__file__).parent) + os.sep


class Lines:
    """Counts the lines that are executed in some files, in all threads, and kills the process at one of them."""

    def __init__(self, dies_at: int, files: tuple[str, ...]) -> None:
        self.count = 0
        self._dies_at = dies_at
        self._files = files

    def begin(self) -> None:
        """Count from here on."""
        threading.settrace(self._call)
        sys.settrace(self._call)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._files) else None

    def _line(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self._dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def bear(work: Callable[[str], object], *more_files: str) -> None:
    """Do ``work`` for each order that comes in, in a process of its own.

    Lines are those of the package, and of ``more_files``.
    """
    for line in sys.stdin:
        order, dies_at = json.loads(line)
        answer, question = os.pipe()
        pid = os.fork()
        if not pid:
            lines = Lines(dies_at, (OUR_CODE, *more_files))
            try:
                if dies_at is not None:
                    lines.begin()
                work(order)
                if dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
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
