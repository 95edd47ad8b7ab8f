"""However a training ends, the run says so: diagnosis.md is written at a healthy end, a stop, a refusal and a death alike."""

import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from onelook.structures.errors import UserError
from onelook.structures.files import DiskFullError
from onelook.training.guard.diagnosis import record_death, write_diagnosis
from onelook.training.loop import DivergenceError, OutOfMemoryError, as_out_of_memory
from onelook.training.run import Run
from onelook.training.survival.heartbeat import read_heartbeat


@contextmanager
def told_ending(run: Run) -> Iterator[None]:
    """Write the diagnosis when the block raises, and take the sign of life away; memory that ran out becomes a UserError."""
    try:
        try:
            yield
        except BaseException:
            _quieten()
            raise
    except DivergenceError as error:
        _tell(run, "ended by the guard", error.cause, str(error))
        raise
    except DiskFullError as error:
        _tell(run, "the disk is full", "disk full", str(error))
        raise DiskFullError(f"{error}, then go on with --resume: the last checkpoint is whole") from None
    except UserError as error:
        _tell(run, "ended", "error", str(error))
        raise
    except BaseException as error:
        short = isinstance(as_out_of_memory(error), OutOfMemoryError) if isinstance(error, Exception) else False
        record_death(run, _raised(run, error, "out of memory" if short else "error"))
        if short:
            raise UserError(
                f"{run.folder}: expected memory enough, got none ({error}); take a smaller width and height, or fewer workers"
            ) from None
        raise
    finally:
        run.alive.unlink(missing_ok=True)


def _quieten() -> None:
    """Let no more of a loader's workers that die raise something in the midst of what is told now."""
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _tell(run: Run, ending: str, cause: str, what: str) -> None:
    with suppress(UserError, OSError):  # the disk may be full: the line in the terminal says it all
        write_diagnosis(run, ending, cause, what)


def _raised(run: Run, error: BaseException, cause: str) -> dict[str, object]:
    """Return the event that says what was raised, where, and what the run was at."""
    beat = read_heartbeat(run.alive) or {}
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return {
        "kind": "death",
        "cause": "killed" if isinstance(error, KeyboardInterrupt) else cause,
        "what": f"{type(error).__name__}: {error}{place}; it was {beat.get('phase', 'starting')}, at step {beat.get('step', 0)}",
        "step": beat.get("step", 0),
        "pictures": beat.get("pictures", []),
        "time": time.time(),
    }
