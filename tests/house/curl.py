"""Stands in for curl where a machine has none: the options that the documents use, and no others."""

from __future__ import annotations

import argparse
import shlex
import sys
import urllib.error
import urllib.request
from pathlib import Path


def main() -> None:
    """Send one request and print the answer, as curl does."""
    parser = argparse.ArgumentParser(prog="curl")
    parser.add_argument("url")
    parser.add_argument("-K", dest="config", type=Path)
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-w", dest="write_out", default="")
    options = parser.parse_args()
    headers = [*_configured(options.config), *options.headers]
    request = urllib.request.Request(f"http://{options.url}", _data(options.data))
    for header in headers:
        name, _, value = header.partition(":")
        request.add_header(name, value.strip())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        # curl prints what comes, and calls it done.
        status, body = error.code, error.read()
    sys.stdout.buffer.write(body)
    sys.stdout.write(options.write_out.replace("%{http_code}", str(status)).replace("\\n", "\n"))


def _configured(config: Path | None) -> list[str]:
    """Give the headers that a file for `-K` holds; `silent` needs nothing here."""
    if config is None:
        return []
    headers = []
    for line in config.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "header":
            headers += shlex.split(value)
        elif line.strip() != "silent":
            sys.exit(f"curl: {line} is not known to this stand-in")
    return headers


def _data(text: str | None) -> bytes | None:
    """Give the body: the text itself, the file behind an @, or standard input behind @-."""
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode()
    body = sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
    # As curl does: lines of a file are joined.
    return body.replace(b"\r", b"").replace(b"\n", b"")


if __name__ == "__main__":
    main()
