"""Work that is done behind everything else, by threads or processes that are there for it alone."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import get_native_id

# What takes tens of milliseconds of a core that answers others as well gets a tenth of it while they want the rest, all of it else.
_NICENESS = 10
# Among other programs, whose groups are as weighty as ours: a third, so that a busy machine still gets it done.
_GROUP, _GROUP_NICENESS = Path("/proc/self/autogroup"), 5


def step_back(*, with_group: bool = False) -> None:
    """On Linux a priority is a thread's, and it counts within its scheduling group only, which is that of its session: `with_group` lowers
    that of the whole group, for a process that is alone in one."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        if with_group:
            with suppress(OSError):  # not every kernel has such groups
                _GROUP.write_text(str(_GROUP_NICENESS))
