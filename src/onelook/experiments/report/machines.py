"""Which machine a run was made on: what tells two of them apart, and what each is called in a report."""

from collections.abc import Mapping, Sequence
from typing import Any

MACHINE = "machine"
"""The axis on which rows of several machines differ."""

FACTS = ("node", "processor", "cores", "memory", "clock", "device", "driver", "container", "machine")
"""What of a run's environment is told of its machine."""

KINDS = ("processor", "cores", "device", "container", "machine")
"""What tells one machine from another; beside it the node, but not in a container, which is called otherwise each time."""

Facts = Mapping[str, Any]


def describe_machine(environment: Facts) -> Facts:
    """Return what an environment says of the machine, nothing where it says nothing."""
    return {name: environment[name] for name in FACTS if environment.get(name) is not None}


def name_machines(machines: Sequence[Facts]) -> list[str]:
    """Return for each description the machine's name: its cores and processor, numbered where two are called the same.

    Where nothing is known the name is empty.
    """
    names: dict[tuple[Any, ...], str] = {}
    for facts in machines:
        ident = _identity(facts)
        if ident not in names:
            plain = _name(facts)
            same = sum(name == plain or name.startswith(f"{plain} (") for name in names.values())
            names[ident] = plain if not plain or not same else f"{plain} ({same + 1})"
    return [names[_identity(facts)] for facts in machines]


def _identity(facts: Facts) -> tuple[Any, ...]:
    """Return what is the same for the same machine; memory to the GiB, as the kernel keeps more or less of it for itself."""
    node = None if facts.get("container") else facts.get("node")
    memory = facts.get("memory")
    gibibytes = round(memory / 2**30) if isinstance(memory, int | float) else memory
    return node, gibibytes, *(facts.get(kind) for kind in KINDS)


def _name(facts: Facts) -> str:
    if not facts:
        return ""
    device = facts.get("device", "cpu")
    if device != "cpu":
        return str(device)
    name = str(facts.get("processor") or facts.get("machine") or "machine")
    short = " ".join(name.replace("(R)", "").replace("(TM)", "").split("@")[0].split())
    return f"{short}, {facts['cores']} cores" if "cores" in facts else short
