"""``python -m benchmarks`` (make bench): every figure, or those named."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from importlib import import_module

BENCHMARKS = ("imports", "client", "waits", "stop_at_close")


def main() -> None:
    """Run them one after the other and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    names = parser.parse_args().names or BENCHMARKS
    if not set(names) <= set(BENCHMARKS):
        parser.error(f"there are {', '.join(BENCHMARKS)}")
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="benchmarks-")
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; medians\n")
    for name in names:
        print(import_module(f"benchmarks.{name}").run(), flush=True)
        print()


if __name__ == "__main__":
    main()
