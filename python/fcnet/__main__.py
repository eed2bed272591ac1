"""``python -m fcnet``."""

from __future__ import annotations

import sys

from fcnet.cli import main

sys.exit(main())
