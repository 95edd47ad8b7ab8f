"""The shards of a bulk prediction on a Ray cluster, each done by the function that processes of this machine call too."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from onelook.inference.bulk import Job, Plan, Progress, run_shard
from onelook.structures.errors import UserError


def run_on_ray(job: Job, plan: Plan, shards: list[int], workers: int | None) -> Iterator[Progress]:
    """Run the shards on a Ray cluster (RAY_ADDRESS names one, else this machine is it), `workers` at a time; yields after each.

    Every machine must see the model, the pictures and the folder under the same paths. Raises UserError without Ray.
    """
    with joined_cluster() as ray:
        task = ray.remote(num_cpus=1, max_retries=2)(_whole_shard)
        most = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting, running = list(reversed(shards)), list[Any]()
        while waiting or running:
            while waiting and len(running) < most:
                running.append(task.remote(job, plan, waiting.pop()))
            done, running = ray.wait(running)
            try:
                yield ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise UserError(str(error.cause)) from None
                raise


@contextmanager
def joined_cluster() -> Iterator[Any]:
    """Give the module ray, joined to the cluster that RAY_ADDRESS names, or to one of this machine begun for the while.

    Raises UserError without Ray, and when there is no answer.
    """
    try:
        import ray
    except ImportError:
        raise UserError("--engine ray: expected the package ray, got none; pip install 'onelook[cluster]'") from None
    began = not ray.is_initialized()
    if began:
        _begin(ray)
    try:
        yield ray
    finally:
        if began:
            ray.shutdown()


def _begin(ray: Any) -> None:
    """Join the cluster that RAY_ADDRESS names, or begin one of this machine. Raises UserError when there is no answer."""
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # its exceptions share no base class of their own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"--engine ray: expected Ray to answer, got: {reason}") from None


def _whole_shard(job: Job, plan: Plan, index: int) -> Progress:
    """Do one shard, and tell of all of it."""
    os.chdir(job.root)
    told = list(run_shard(job, plan, index))
    return Progress(sum(each.seen for each in told), tuple(line for each in told for line in each.errors))
