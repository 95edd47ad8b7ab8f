"""The shards of a bulk prediction on processes of this machine, each shard done by one function call."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from onelook.inference.bulk import Job, Plan, Progress, run_shard
from onelook.structures.errors import UserError

_STOP = -1


def run_locally(job: Job, plan: Plan, shards: list[int], workers: int | None) -> Iterator[Progress]:
    """Run the shards on processes of one core each, by default as many as there are cores; yields as they go.

    Raises UserError when a process fails; the shards that are done stay.
    """
    context = get_context("spawn")
    count = min(len(shards), workers or len(os.sched_getaffinity(0)))
    waiting, processes = list(reversed(shards)), dict[Connection, SpawnProcess]()
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(job, plan, theirs), daemon=True)
            process.start()
            theirs.close()
            processes[ours] = process
            ours.send(waiting.pop())
        while processes:
            for pipe in wait(list(processes)):
                assert isinstance(pipe, Connection)
                yield from _heard(pipe, processes, waiting)
    finally:
        for process in processes.values():
            process.terminate()
            process.join()


def _heard(pipe: Connection, processes: dict[Connection, SpawnProcess], waiting: list[int]) -> Iterator[Progress]:
    """Take one word of a process: progress, a shard's end (then it gets the next one or goes), or a fault."""
    try:
        told = pipe.recv()
    except (EOFError, OSError):
        processes[pipe].join()
        code = processes[pipe].exitcode
        why = f"signal {-code}; memory may have run out" if code and code < 0 else f"exit code {code}"
        raise UserError(f"--shards: a process ended with {why}; run the command again to go on") from None
    if isinstance(told, Progress):
        yield told
    elif isinstance(told, str):
        raise UserError(told)
    elif waiting:
        pipe.send(waiting.pop())
    else:
        pipe.send(_STOP)
        processes.pop(pipe).join()


def _work(job: Job, plan: Plan, pipe: Connection) -> None:
    """Do shards as they are asked for; a process of its own. It goes when the one that asks is gone."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks tells when to stop
    threading.Thread(target=_go_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    with suppress(BrokenPipeError, EOFError):
        while (index := pipe.recv()) != _STOP:
            try:
                for progress in run_shard(job, plan, index):
                    pipe.send(progress)
            except UserError as error:
                pipe.send(str(error))
                return
            pipe.send(None)


def _go_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
