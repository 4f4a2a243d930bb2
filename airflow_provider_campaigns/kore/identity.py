"""Which process of which machine is this? Two kernels, or two containers of one, are two machines.

A process number means something only where it was given out: in one PID namespace, since one start of the kernel. So
these are what a machine is known by. Where a system tells neither (it has no ``/proc``), its host name has to do: then
containers with one name are taken for one machine, and a ledger outlives a restart, which costs a wait, nothing else.
"""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")


class Owner(NamedTuple):
    """Who has something in a ledger.

    Attributes:
        machine: a number for the host name, the kernel's start and the PID namespace.
        pid: the process there.
    """

    machine: int
    pid: int


def this_process() -> Owner:
    """The process that asks."""
    return Owner(_this_machine(), os.getpid())


def has_ended(owner: Owner) -> bool:
    """True if the process is known to be gone; of another machine's nobody here can tell.

    A process of another user took the number of one of ours that ended.
    """
    if owner.machine != _this_machine() or owner.pid == os.getpid():
        return False
    try:
        os.kill(owner.pid, 0)
    except OSError:
        return True
    return False


@cache
def kernel_and_namespace() -> str:
    """What a file's name holds, so that only those share it who can tell each other's processes: 16 hex digits."""
    try:
        told = f"{_BOOT_ID.read_text().strip()}|{_PID_NAMESPACE.stat().st_ino}"
    except OSError:
        told = platform.node()
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@cache
def _this_machine() -> int:
    # The host name besides: machines that were copied while they ran may agree in everything else.
    told = f"{platform.node()}|{kernel_and_namespace()}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:8])
