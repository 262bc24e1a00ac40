"""Writes docs/conditions.md from the operator's table of reasons; with --check it is only compared."""

from __future__ import annotations

import sys
from pathlib import Path

from logpipeline_operator.status.documentation import conditions_page

PAGE = Path(__file__).parent.parent / "docs" / "conditions.md"

if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(conditions_page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != conditions_page():
        sys.exit(f"{PAGE} is stale; run `make conditions-docs`")
