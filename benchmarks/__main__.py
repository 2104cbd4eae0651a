"""Every measurement, one after another, each in a process of its own: `make bench`."""

from __future__ import annotations

import argparse
import subprocess
import sys

MEASUREMENTS = (
    "rules",
    "deciding",
    "restart",
    "projection",
    "rebuild",
    "visible",
    "gateway",
    "as_of",
    "archive",
    "verify",
    "what_if",
)


def main() -> None:
    """Run those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(MEASUREMENTS)}; none: all")
    names = parser.parse_args().names or list(MEASUREMENTS)
    unknown = sorted(set(names) - set(MEASUREMENTS))
    if unknown:
        parser.error(f"there is no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    failed = [
        name
        for name in names
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
