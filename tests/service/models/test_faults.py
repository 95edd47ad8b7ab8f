"""Versions that would not load: written down once, whoever sees it first."""

import threading
from concurrent.futures import ThreadPoolExecutor

from onelook.service.database import Database
from onelook.service.models.faults import faults, forget, report


def test_workers_that_meet_a_bad_version_at_the_same_time_all_go_on(database: Database) -> None:
    begin = threading.Barrier(6)

    def meet(number: int) -> None:
        begin.wait()
        for _ in range(3):
            report(database, "acme", "cells", "v1", f"w{number}", "a network \0 that divides by zero")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(meet, range(6)))

    (fault,) = faults(database, "acme", "cells")
    assert fault.version == "v1"
    forget(database, "acme", "cells", "v2")
    assert len(faults(database, "acme", "cells")) == 1
    forget(database, "acme", "cells", "v1")
    assert faults(database, "acme", "cells") == []
