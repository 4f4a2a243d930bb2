"""Processes that are killed on their way, at a point that a loaded machine and an idle one reach alike."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self


class Nursery:
    """The process that bears those that work and are killed; a program of this folder that calls ``killable.bear``.

    The way is counted in executed lines of code: an instant would meet another stage on every machine.
    """

    def __init__(self, program: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(program)), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate(timeout=60)

    def count(self, order: str) -> int:
        """Let a process do its work; the lines that it took."""
        code, lines = self._order(order, 0)
        assert code == 0
        return lines

    def work(self, order: str) -> None:
        """Let a process do its work, uncounted."""
        code, _ = self._order(order, None)
        assert code == 0

    def kill(self, order: str, line: int) -> None:
        """Let a process work, and have it killed at a line, from 1; at its end, if it takes fewer this time."""
        code, _ = self._order(order, line)
        assert code == -signal.SIGKILL

    def _order(self, order: str, line: int | None) -> tuple[int, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([order, line])}\n")
        code, lines = self._process.stdout.readline().split("\t")
        return int(code), int(lines)


_END = 2.0
"""Further than any way, whatever a busy machine adds to it: who is to be killed there is, when all is done."""


def points(seed: int, number: int) -> list[float]:
    """Parts of a way, 0 to 1, at which to kill: spread over all of it, each fourth over its last hundredth, one behind.

    There the last files are written.
    """
    chance = random.Random(seed)
    late = number // 4
    return [
        *((one + chance.random()) / (number - late) for one in range(number - late)),
        *(0.99 + 0.01 * (one + chance.random()) / late for one in range(late - 1)),
        _END,
    ]
