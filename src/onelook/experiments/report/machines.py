"""Which machine a run was made on: what tells two of them apart, and what each is called in a report."""

from collections.abc import Mapping, Sequence
from typing import Any

MACHINE = "machine"
"""The axis on which rows of several machines differ."""

FACTS = ("host", "processor", "cores", "memory", "clock", "device", "driver", "container", "machine")
"""What of a run's environment tells one machine from another."""

Facts = Mapping[str, Any]


def describe_machine(environment: Facts) -> Facts:
    """Return what an environment says of the machine, nothing where it says nothing."""
    return {name: environment[name] for name in FACTS if environment.get(name) is not None}


def name_machines(machines: Sequence[Facts]) -> list[str]:
    """Return for each description the machine's name: its cores and processor, numbered where two are called the same.

    Where nothing is known the name is empty.
    """
    names: dict[str, str] = {}
    for facts in machines:
        ident = repr(sorted(facts.items()))
        if ident not in names:
            plain = _name(facts)
            same = sum(name == plain or name.startswith(f"{plain} (") for name in names.values())
            names[ident] = plain if not plain or not same else f"{plain} ({same + 1})"
    return [names[repr(sorted(facts.items()))] for facts in machines]


def _name(facts: Facts) -> str:
    if not facts:
        return ""
    device = facts.get("device", "cpu")
    if device != "cpu":
        return str(device)
    name = str(facts.get("processor") or facts.get("machine") or "machine")
    short = " ".join(name.replace("(R)", "").replace("(TM)", "").split("@")[0].split())
    return f"{short}, {facts['cores']} cores" if "cores" in facts else short
