"""kernels.json: which GPU kernel a run's steps spend most time in, by torch.profiler, looked at once for a few steps.

The times are the hardware's own (CUPTI's), so a few steps tell them; what is copied or set to zero is no kernel. Source: the
events of `torch.profiler.profile`, whose `time_range` is in microseconds.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from onelook.structures.files import write_json

LATEST, STEPS = 20, 3
"""Steps that are let pass before the first look at the latest, since the first ones try out algorithms; and steps looked at."""

NO_KERNELS = ("Memcpy", "Memset")
"""What events that move memory are called by CUPTI."""


class KernelWatch:
    """Looks at a few steps of a run of `total` steps on a GPU, and writes `path`; a run that has the file is not looked at again.

    Whatever the profiler lacks (CUPTI, a permission, a place to write), the run goes on, and `say` tells it once.
    """

    def __init__(
        self, path: Path, total: int, say: Callable[[str], None], make: Callable[[], Any] | None = None
    ) -> None:
        self.path, self.say, self.make = path, say, make or _profile
        self._first = min(LATEST, max(1, total // 10))
        self._steps = 0
        self._profile: Any = None
        self._over = path.is_file()

    def after_step(self) -> None:
        """Count a step; begin and end the look when it is time."""
        if self._over:
            return
        self._steps += 1
        try:
            if self._profile is None and self._steps >= self._first:
                self._profile, self._steps = self.make(), 0
                self._profile.start()
            elif self._profile is not None and self._steps == STEPS:
                self._over = True
                self._profile.stop()
                self._write(self._profile.events())
        except Exception as error:  # it is only watched: a driver or a disk that refuses must not end the run
            self._over = True
            self.say(f"kernels: not measured ({str(error).strip().partition(chr(10))[0] or type(error).__name__})")

    def end(self) -> None:
        """Give up a look that is under way."""
        if self._profile is not None and not self._over:
            self._over = True
            try:
                self._profile.stop()
            except Exception as error:
                self.say(f"kernels: not measured ({error})")

    def _write(self, events: Iterable[Any]) -> None:
        from torch.autograd import DeviceType  # type: ignore[attr-defined]  # torch's stubs leave it out

        found = largest_kernel(events, DeviceType.CUDA)
        if found is None:
            self.say("kernels: not measured (the profiler saw none)")
            return
        write_json(self.path, {"steps": STEPS, **found})


def largest_kernel(events: Iterable[Any], device: Any) -> dict[str, Any] | None:
    """Return `kernel`, the name of the one that took most time of all on `device`, its `calls`, `mean_seconds` and `share`.

    `seconds` are all kernels' together, of which the share (0 to 1) is. Without kernels there is None.
    """
    spent: dict[str, list[float]] = {}
    for event in events:
        if event.device_type == device and _is_kernel(event):
            spent.setdefault(event.name, []).append(event.time_range.elapsed_us() / 1e6)
    together = sum(sum(each) for each in spent.values())
    if together <= 0:
        return None
    name, calls = max(spent.items(), key=lambda item: sum(item[1]))
    largest = sum(calls)
    return {
        "kernel": name,
        "calls": len(calls),
        "mean_seconds": largest / len(calls),
        "share": largest / together,
        "seconds": together,
    }


def _is_kernel(event: Any) -> bool:
    """Return whether an event is work of its own: no copy, and no span around others, such as an optimizer's step."""
    return not event.is_user_annotation and not event.name.startswith(NO_KERNELS)


def _profile() -> Any:
    from torch.profiler import ProfilerActivity, profile

    return profile(activities=[ProfilerActivity.CUDA])
