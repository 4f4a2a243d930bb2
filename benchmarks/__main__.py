"""``python -m benchmarks`` (make bench): every figure, or those named."""

from __future__ import annotations

import argparse
import atexit
import os
import platform
import shutil
import tempfile
from importlib import import_module

BENCHMARKS = (
    "imports",
    "client",
    "calling_hours",
    "waits",
    "report",
    "evening",
    "stop_at_close",
    "stop_at_close_troubles",
)


def main() -> None:
    """Run them one after the other and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--with-peers",
        action="store_true",
        help="measure waits beside other providers' triggers as well, in an environment of their own (.venv-peers)",
    )
    parser.add_argument(
        "--contacts", type=int, default=100_000, metavar="N", help="contacts of the report; 1000000 takes a while"
    )
    arguments = parser.parse_args()
    names = arguments.names or BENCHMARKS
    if not set(names) <= set(BENCHMARKS):
        parser.error(f"there are {', '.join(BENCHMARKS)}")
    if arguments.with_peers and "waits" not in names:
        parser.error("--with-peers is for waits")
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="benchmarks-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; medians\n")
    for name in names:
        options = {"waits": {"with_peers": arguments.with_peers}, "report": {"contacts": arguments.contacts}}
        print(import_module(f"benchmarks.{name}").run(**options.get(name, {})), flush=True)
        print()


if __name__ == "__main__":
    main()
