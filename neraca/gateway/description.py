"""Writes the gateway's description to `docs/openapi.json`, in a checkout.

python -m neraca.gateway.description
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from neraca.cli import version
from neraca.gateway.wiring import SENTENCES
from producers.gateway import openapi

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def text() -> str:
    """The file's contents."""
    return json.dumps(openapi.document(SENTENCES, version()), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
