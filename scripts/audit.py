"""Looks up the known vulnerabilities of what a file of requirements pins: ``audit.py requirements-dev.txt``.

Ends with 0 if every package was looked up and none has one, with 1 if some have, and with 2 if that is not known: the
service could not be reached, or does not know a package. pip-audit alone would pass in that last case.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def judge(report: dict[str, Any]) -> tuple[int, list[str]]:
    """The exit code for a report of pip-audit, and what to say of it."""
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    lines = [
        f"{package['name']} {package['version']}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package.get("vulns", ())
    ]
    if lines:
        return 1, lines
    if skipped or not packages:
        names = ", ".join([*skipped[:10], *["..."][: len(skipped) > 10]])
        return 2, [f"{len(skipped)} of {len(packages)} packages could not be looked up; nothing is known of: {names}"]
    return 0, [f"{len(packages)} packages, none with a known vulnerability"]


def main(requirements: str) -> int:
    """Run pip-audit on a file of requirements with hashes."""
    command = ["pip_audit", "--disable-pip", "--require-hashes", "--requirement", requirements, "--format", "json"]
    done = subprocess.run(  # noqa: S603 - fixed words and a path
        [sys.executable, "-m", *command, "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        code, lines = judge(json.loads(done.stdout))
    except ValueError:
        said = done.stderr.strip().splitlines() or ["no word"]
        code, lines = 2, [f"the vulnerability service cannot be reached, nothing was looked up ({said[-1][:200]})"]
    for line in lines:
        print(f"audit: {line}", file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
