"""Two machines side by side: how long each takes for the same work, and from which measured parts that follows.

A run's time is its processor seconds divided by the cores that it kept busy. So the ratio of two times is exactly the ratio of the
processor seconds (how quick a core is at this work) divided by the ratio of the busy cores (how many there are, and how long they
wait), and every part is measured.
"""

from collections.abc import Sequence

from onelook.experiments.report.contrasts import Contrast, contrast
from onelook.experiments.report.figures import ACCURACY, BUSY, CPU, MEMORY, SPEED, WAITING, WALL, Figure, memory
from onelook.experiments.report.machines import FACTS, MACHINE, Facts, describe_machine
from onelook.experiments.report.rows import Row, levels_of
from onelook.experiments.report.tables import Column, Table, in_words

COMPARED = (WALL, CPU, BUSY, WAITING, SPEED, MEMORY, ACCURACY)


def machines_of(rows: Sequence[Row]) -> dict[str, Facts]:
    """Return what is known of every machine, by its name, in the order of the rows."""
    found: dict[str, Facts] = {}
    for row in rows:
        if row.machine:
            found.setdefault(row.machine, describe_machine(row.outcome.environment))
    return found


def told_facts(facts: Facts) -> dict[str, str]:
    """Return what is known of a machine as a reader wants it."""
    return {fact: _fact(fact, facts) for fact in FACTS if fact in facts}


def machine_tables(rows: Sequence[Row]) -> list[Table]:
    """Return what the machines are, and what differs between them over the settings that both have run; of one machine nothing."""
    machines = machines_of(rows)
    if len(machines) < 2:
        return []
    columns = (Column("", number=False), *(Column(name, number=False) for name in machines))
    known = [fact for fact in FACTS if any(fact in facts for facts in machines.values())]
    facts = tuple((fact, *(_fact(fact, machines[name]) for name in machines)) for fact in known)
    return [Table("machines", "The machines", columns, facts), _compared(rows)]


def explain_machines(rows: Sequence[Row]) -> list[str]:
    """Return a sentence or two on every machine against the first; of one machine nothing."""
    machines = machines_of(rows)
    first, *others = list(machines) or [""]
    return [_explained(rows, first, other, machines) for other in others]


def _compared(rows: Sequence[Row]) -> Table:
    first, *others = levels_of(rows, MACHINE)
    columns = (Column("figure", number=False), *(Column(f"{other} against {first}", number=False) for other in others))
    told = [figure for figure in COMPARED if any(figure.of(row.outcome) is not None for row in rows if row.done)]
    lines = tuple(
        (figure.name, *(contrast(rows, MACHINE, first, other, figure).told() for other in others)) for figure in told
    )
    return Table("machines-compared", "What differs", columns, lines)


def _explained(rows: Sequence[Row], first: str, other: str, machines: dict[str, Facts]) -> str:
    def found(figure: Figure) -> Contrast:
        return contrast(rows, MACHINE, first, other, figure)

    wall, cpu, busy = found(WALL), found(CPU), found(BUSY)
    if wall.value is None:
        return f"{other} and {first} have no setting in common, so nothing can be said of the two."
    parts = [f"{other} takes {wall.told()} the time of {first}."]
    if cpu.value is not None and busy.value is not None:
        parts.append(
            f"It spends {cpu.value:.2f} times the processor time on the same work, and keeps {busy.value:.2f} times as many cores "
            f"busy: {cpu.value:.2f} / {busy.value:.2f} = {cpu.value / busy.value:.2f}."
        )
    waited = [_mean(rows, name, WAITING) for name in (first, other)]
    if None not in waited:
        parts.append(f"It waits for data {WAITING.told(waited[1])} of the time, {first} {WAITING.told(waited[0])}.")
    facts = [_difference(fact, machines[first], machines[other]) for fact in ("cores", "clock", "memory", "processor")]
    different = [fact for fact in facts if fact]
    parts.append(
        f"Beside that: {'; '.join(different)}." if different else "As they describe themselves they are alike."
    )
    return " ".join(parts)


def _mean(rows: Sequence[Row], machine: str, figure: Figure) -> float | None:
    values = [figure.of(row.outcome) for row in rows if row.done and row.machine == machine]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _difference(fact: str, first: Facts, other: Facts) -> str:
    if fact not in first or fact not in other or first[fact] == other[fact]:
        return ""
    return f"{fact} {_fact(fact, other)} against {_fact(fact, first)}"


def _fact(fact: str, facts: Facts) -> str:
    value = facts.get(fact)
    return memory(value) if fact == "memory" and isinstance(value, int | float) else in_words(value)
