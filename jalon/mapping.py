"""Mapping files: which identifiers are one person's, a person a line, checked as a whole before any is believed."""

from __future__ import annotations

import csv
import io
from typing import Any

from identity.pseudonyms import identify
from jalon.commands.subjects import read_subject
from jalon.errors import WrongInput

_SHOWN = 10


def read_mapping(text: str, name: str) -> list[list[dict[str, Any]]]:
    """Return the agents of each line of a CSV file. Raises WrongInput, which names places and nobody."""
    people: list[list[dict[str, Any]]] = []
    problems: list[str] = []
    told: dict[str, int] = {}
    reader = csv.reader(io.StringIO(text), skipinitialspace=True)
    for cells in reader:
        line = reader.line_num
        identifiers = [cell.strip() for cell in cells]
        if not any(identifiers):
            continue
        agents = []
        for column, identifier in enumerate(identifiers, start=1):
            if not identifier:
                continue
            try:
                agent = read_subject(identifier if identifier != "-" else "")
            except WrongInput:
                problems.append(f"line {line}, column {column}: names nobody")
                continue
            key = identify(agent) or ""
            if told.setdefault(key, line) != line:
                problems.append(f"line {line}, column {column}: names whom line {told[key]} names")
            agents.append(agent)
        if len(agents) < 2:  # noqa: PLR2004 (one is linked to another)
            problems.append(f"line {line}: needs two identifiers at least")
        people.append(agents)
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise WrongInput(
            f"{name} is not a mapping of persons: {'; '.join(problems[:_SHOWN])}{more}. Nothing was linked."
        )
    return people
