import os
import subprocess
import sys
import time

import pytest

PARENT = """
import subprocess, sys, os, time
child = subprocess.Popen([sys.executable, "-m", "onelook.experiments.bound", str(os.getpid()), "worker", "--help"])
print(child.pid, flush=True)
child.wait()
print(child.returncode, flush=True)
"""


def test_a_bound_process_becomes_onelook_of_the_same_number() -> None:
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True)

    assert "onelook worker" in done.stdout
    assert done.stdout.split()[-1] == "0"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a process when its parent is killed")
def test_a_process_whose_parent_is_gone_already_does_not_begin() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "onelook.experiments.bound", "1", "worker", "--help"], capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (143, "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a process when its parent is killed")
def test_the_mark_outlasts_exec_and_ends_the_child_with_its_parent() -> None:
    sleeper = (
        "import ctypes, os, signal, sys; from onelook.experiments import bound;"
        "os.execv = lambda _, words: os.execve(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)'], os.environ);"
        "bound.main(os.getppid(), [])"
    )
    begin = f"print(subprocess.Popen([sys.executable, '-c', {sleeper!r}]).pid, flush=True)"
    program = f"import subprocess, sys, time; {begin}; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(2)
        parent.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _alive(child):
        time.sleep(0.05)

    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
