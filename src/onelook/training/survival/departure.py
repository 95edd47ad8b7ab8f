"""How a process that torchrun started ends: everything written, then at once.

An ordinary end takes the interpreter and torch's C++ libraries apart while threads of theirs may still run; two in some ten
trainings by several processes were aborted in it ("terminate called without an active exception"), their work long done, and
torchrun then calls the training failed. So a rank closes what it holds, flushes what it said, and leaves by `os._exit`.
"""

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn


def is_rank() -> bool:
    """Return whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


@contextmanager
def leaving() -> Iterator[None]:
    """End a rank behind the block with the exit code that the block asks for; any other process goes on as ever."""
    try:
        yield
    except BaseException as error:
        if not is_rank():
            raise
        leave(_code(error))
    if is_rank():
        leave(0)


def leave(code: int) -> NoReturn:
    """Write out what was said and end the process; nothing that waits for an ordinary end (atexit) is run."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a reader that has gone
            stream.flush()
    os._exit(code)


def _code(error: BaseException) -> int:
    """Return the exit code that Python would give, having printed what it would print."""
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
        return 1
    if isinstance(error.code, int) or error.code is None:
        return error.code or 0
    sys.stderr.write(f"{error.code}\n")
    return 1
