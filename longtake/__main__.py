"""`python -m longtake` is the command `longtake`."""

from __future__ import annotations

import sys

from longtake.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
