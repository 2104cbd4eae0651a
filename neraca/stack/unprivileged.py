"""Turns into a program that refuses to run as root (PostgreSQL), in a process that was started by root.

Stands alone: it is run as a file, before anything else, and imports nothing of ours. Two ways, the first that
works:

1. Become the user `nobody`, keeping only the right to pass file permissions, because the folders above the
   data (root's home, a virtual environment) are commonly closed to others and must stay so.
2. Where the system knows no second user (a sandbox that maps only root), be root outside and `nobody` inside
   a user namespace.

Usage: unprivileged.py FOLDER… -- PROGRAM ARGUMENT…; the folders are handed to the user that the program runs
as.
"""

import contextlib
import ctypes
import os
import pwd
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 4
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _call(libc: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _become(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    """Change the user for good; raises OSError with nothing changed where that is not possible."""
    # initdb asks access(2) whether it can run its own programs, and for a user that is not root the kernel
    # answers that without the capabilities, unless this bit is set. Where it cannot be set, programs below
    # open folders work all the same.
    with contextlib.suppress(OSError):
        _call(libc, "prctl", _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    _call(libc, "prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = _Header(_CAPABILITY_VERSION_3, 0)
    data = (_Data * 2)()
    data[0] = _Data(*[1 << _CAP_DAC_OVERRIDE] * 3)
    _call(libc, "capset", ctypes.byref(header), ctypes.byref(data))
    _call(libc, "prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _become_inside_a_namespace(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    _call(libc, "unshare", _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} 0 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} 0 1", encoding="ascii")


def _give(folders: list[str], uid: int, gid: int) -> None:
    for folder in folders:
        if Path(folder).stat().st_uid == uid:
            continue
        for parent, _, files in os.walk(folder):
            for path in (parent, *(os.path.join(parent, name) for name in files)):  # noqa: PTH118 (many files)
                os.chown(path, uid, gid, follow_symlinks=False)


def main() -> None:
    """Never returns: the process becomes the program."""
    at = sys.argv.index("--")
    folders, program = sys.argv[1:at], sys.argv[at + 1 :]
    # initdb looks up the name of its user, so it must be one that the system knows.
    users = sorted(
        (each for each in pwd.getpwall() if each.pw_uid), key=lambda each: each.pw_name != "nobody"
    )
    if not users:
        sys.exit("this system knows no user but root, and PostgreSQL refuses to run as root")
    uid, gid = users[0].pw_uid, users[0].pw_gid
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        _give(folders, uid, gid)
        _become(libc, uid, gid)
    except OSError as first:
        if os.geteuid() != 0:
            sys.exit(f"cannot keep the right to reach the data folder: {first}")
        try:
            _give(folders, 0, 0)
            _become_inside_a_namespace(libc, uid, gid)
        except OSError as second:
            sys.exit(
                "PostgreSQL refuses to run as root, and this system lets root become nobody else: "
                f"{first}; {second}"
            )
    os.execv(program[0], program)  # noqa: S606 (no shell wanted)


if __name__ == "__main__":
    main()
