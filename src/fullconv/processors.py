"""How many processors this process may use."""

from __future__ import annotations

import os

# `taskset`, a container or a batch system may have restricted them. Systems that cannot tell count the whole machine.
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
