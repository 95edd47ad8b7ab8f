"""A table is one thing: shown on the page, written as csv with whole numbers, and as Markdown for a reader."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Form = Callable[[Any], str]


def in_words(value: Any) -> str:
    """Return a value as a reader wants it: a dash for none, numbers without needless digits."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Column:
    """One column: its name, how its values are written for a reader, and whether they are numbers, which stand to the right."""

    name: str
    form: Form = in_words
    number: bool = True
    key: str = ""
    """Its name in the csv file, by default the same."""


@dataclass(frozen=True)
class Table:
    """Rows of values, as many as there are columns; `name` is the csv file's."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def cells(self) -> list[list[str]]:
        """Return the rows as they are written for a reader."""
        return [[column.form(value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]

    def as_mapping(self) -> dict[str, list[Any]]:
        """Return the values of every row by what stands in its first column."""
        return {str(row[0]): list(row[1:]) for row in self.rows}

    def as_csv(self) -> str:
        """Return the table with its values as they are; none is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.key or column.name for column in self.columns])
        writer.writerows([["" if value is None else value for value in row] for row in self.rows])
        return text.getvalue()

    def as_text(self) -> str:
        """Return the table as columns for a terminal; without rows nothing."""
        if not self.rows:
            return ""
        lines = [[column.name for column in self.columns], *self.cells()]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if column.number else cell.ljust(width)
                for cell, width, column in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in lines
        )

    def as_markdown(self) -> str:
        """Return the table below its title, and its note below it."""
        lines = [f"## {self.title}", "", _line([column.name for column in self.columns])]
        lines.append(_line(["---:" if column.number else "---" for column in self.columns]))
        lines += [_line(cells) for cells in self.cells()]
        return "\n".join([*lines, *(["", self.note] if self.note else [])]) + "\n"


def as_markdown(title: str, tables: Sequence[Table]) -> str:
    """Return all tables as one Markdown document."""
    return "\n".join([f"# {title}\n", *(table.as_markdown() for table in tables)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
