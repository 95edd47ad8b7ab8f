"""The parent of a training that was started from the command line: it only waits, and says why its child died.

A process that is killed from outside, or by the kernel for lack of memory, can't write down its own end. So the command forks
before torch is loaded: the child trains, with the same terminal and in the same group, and the parent passes signals on, ends
with the child's exit code, and tells the cause when there was a signal. When the parent is killed, the child saves and stops.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

from onelook.training.guard.diagnosis import record_death
from onelook.training.run import Run
from onelook.training.survival.departure import is_rank
from onelook.training.survival.heartbeat import death, read_heartbeat

_PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} if hasattr(signal, "SIGHUP") else set()
_PR_SET_PDEATHSIG, _SI_KERNEL = 1, 0x80
"""From Linux's prctl.h and siginfo.h; a terminal's Ctrl-C reaches the whole group and says SI_KERNEL."""


def supervise(folder: Path) -> None:
    """Fork: return in the child, which is to train the run in `folder`; the parent waits, and ends with the child's code.

    Under torchrun, and where there is no fork, nothing happens: the caller trains without a supervisor.
    """
    if is_rank() or not sys.platform.startswith("linux"):
        return
    sys.stdout.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD})
    parent, child = os.getpid(), os.fork()
    if child:
        _end_as(_wait(child), folder)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(child: int) -> int:
    """Return the child's status once it has ended, as waitpid gives it, passing on what signals come."""
    while True:
        got = signal.sigwaitinfo({*_PASSED_ON, signal.SIGCHLD})
        if got.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status
        elif got.si_code != _SI_KERNEL:
            os.kill(child, got.si_signo)


def _end_as(status: int, folder: Path) -> None:
    """End this process as the child ended; a signal's number becomes 128 + number, as in a shell."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        run = Run(folder)
        beat = read_heartbeat(run.alive)
        if beat is None:
            sys.stderr.write(f"onelook: {folder}: killed by {signal.Signals(-code).name}\n")
        else:
            event = death(beat, -code)
            record_death(run, event)
            run.alive.unlink(missing_ok=True)
            sys.stderr.write(f"onelook: {folder}: {event['what']}; go on with --resume (see {run.diagnosis})\n")
        code = 128 - code
    sys.stderr.flush()
    os._exit(code)
