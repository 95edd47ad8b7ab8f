"""A run's first breath: bind this process to the one that began it, then become `onelook`.

    python -m onelook.experiments.bound PARENT train ...

When the grid's process is killed outright, the kernel asks this one to end (SIGTERM), and a training that is asked so saves and
stops; without that, its runs would go on for hours with nobody to say what became of them.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""From Linux's prctl.h; it outlasts exec."""


def main(parent: int, words: list[str]) -> None:
    """Become `onelook WORDS`, bound to the process `parent`; end at once where that is gone."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(128 + signal.SIGTERM)
    os.execv(sys.executable, [sys.executable, "-m", "onelook", *words])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
