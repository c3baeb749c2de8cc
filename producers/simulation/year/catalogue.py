"""What the invented institute offers: pathways, modules and their tags; the kinds of its rooms and of its people.

Module identifiers and titles are those of the simulated day where it has them; GAIA's identifiers of national pathways
have an N in third place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from producers.simulation.catalogue import MODULES as DAY_MODULES
from xapi_profiles.vocabulary import Modality


class Kind(StrEnum):
    """What a training counts for in the strategic plan. A training has several; an hour counts in each of them."""

    COMPETENCY_BASED = "competency-based"
    WITH_ACADEMIES = "with-academies"
    CO_PRODUCED = "co-produced"
    RARE_SKILLS = "rare-skills"
    SELF_STUDY = "self-study"
    INTERCATEGORY = "intercategory"
    INTERMINISTERIAL = "interministerial"
    CERTIFYING = "certifying"
    FOREIGN_TRAINEES = "foreign-trainees"
    INTERNATIONAL = "international"
    DIGITAL_SKILLS = "digital-skills"
    RESEARCH_EVENT = "research-event"


class RoomKind(StrEnum):
    """The kinds of rooms, as GRR's areas are named."""

    AMPHITHEATRE = "Amphithéâtres"
    TRAINING = "Salles de formation"
    SIMULATION = "Salles de simulation"
    STUDIO = "Studios"
    COMPUTERS = "Salles informatiques"


@dataclass(frozen=True, slots=True)
class Module:
    """A module. `modalities` are offered in turn, `size` is a session's usual number of places, `days` its length.

    `demand` is relative to the other modules. `brick`: it can be combined freely; `framework`: a competency framework
    backs it; `means`: it trains with `simulation`, `virtual-reality` or `data`.
    """

    id: str
    name: str
    pathway: str
    pathway_name: str
    kinds: frozenset[Kind]
    modalities: tuple[Modality, ...]
    size: int = 24
    days: int = 2
    demand: float = 1.0
    room: RoomKind = RoomKind.TRAINING
    brick: bool = False
    framework: bool = False
    means: str = ""


ROOMS: Final = {
    RoomKind.AMPHITHEATRE: (350, 220, 160, 120),
    RoomKind.TRAINING: (24, 30, 24, 40, 24, 30, 24, 40, 24, 30, 24, 40, 24, 30, 24, 40, 24, 30, 24, 40, 24, 30, 24, 60),
    RoomKind.SIMULATION: (16, 24),
    RoomKind.STUDIO: (16, 24),
    RoomKind.COMPUTERS: (24, 30),
}
"""Capacities of the four amphitheatres and the thirty rooms."""

CORPS: Final = {
    "Personnel de direction": 0.34,
    "Inspecteur de l'éducation nationale": 0.16,
    "Inspecteur d'académie-inspecteur pédagogique régional": 0.09,
    "Attaché d'administration": 0.24,
    "Administrateur de l'État": 0.05,
    "Ingénieur de recherche": 0.05,
    "Conseiller technique de service social": 0.07,
}
"""Corps, and the share of trainees who belong to them."""

FORMER_OCCUPATIONS: Final = {
    "Professeur du second degré": 0.31,
    "Professeur des écoles": 0.14,
    "Conseiller principal d'éducation": 0.17,
    "Secrétaire administratif": 0.16,
    "Directeur d'école": 0.1,
    "Officier": 0.04,
    "Cadre du secteur privé": 0.08,
}

COMPETENCES: Final = ("Coopérer", "Piloter", "Communiquer", "Évaluer", "Sécuriser")

_KINDS_OF_PATHWAYS: Final = {
    "26NPER01": (Kind.COMPETENCY_BASED, Kind.WITH_ACADEMIES),
    "26NINS02": (Kind.COMPETENCY_BASED, Kind.CERTIFYING),
    "26NADM03": (Kind.INTERCATEGORY, Kind.INTERMINISTERIAL),
    "26NNUM04": (Kind.DIGITAL_SKILLS, Kind.SELF_STUDY),
    "26NINT05": (Kind.INTERNATIONAL, Kind.FOREIGN_TRAINEES),
    "26NLAI06": (Kind.INTERCATEGORY, Kind.WITH_ACADEMIES),
}
_IN_PERSON, _REMOTE, _HYBRID, _ALONE = Modality.IN_PERSON, Modality.REMOTE, Modality.HYBRID, Modality.ASYNCHRONOUS
_MODALITIES: Final = (
    (_IN_PERSON, _HYBRID),
    (_IN_PERSON, _REMOTE, _HYBRID),
    (_REMOTE, _IN_PERSON),
    (_HYBRID, _REMOTE, _IN_PERSON),
    (_ALONE, _REMOTE),
)


def _tell_day_modules() -> tuple[Module, ...]:
    modules = []
    for number, one in enumerate(DAY_MODULES):
        digital = one.pathway == "26NNUM04"
        modules.append(
            Module(
                one.id,
                one.name,
                one.pathway,
                one.pathway_name,
                frozenset(_KINDS_OF_PATHWAYS[one.pathway]),
                _MODALITIES[4] if digital else _MODALITIES[number % 4],
                size=(24, 30, 60, 40)[number % 4],
                days=(2, 1, 3)[number % 3],
                demand=(1.6, 1.0, 0.7, 1.3)[number % 4],
                brick=number % 3 == 0,
                framework=one.pathway in ("26NPER01", "26NINS02"),
                means="data" if digital else "",
            )
        )
    return tuple(modules)


MODULES: Final = (
    *_tell_day_modules(),
    Module(
        "26NCRI07-M1", "Conduire une cellule de crise", "26NCRI07", "Gestion de crise et sécurité",
        frozenset({Kind.RARE_SKILLS, Kind.COMPETENCY_BASED}), (_IN_PERSON,), 16, 2, 0.5, RoomKind.SIMULATION,
        framework=True, means="simulation",
    ),
    Module(
        "26NCRI07-M2", "Décider sous pression en réalité virtuelle", "26NCRI07", "Gestion de crise et sécurité",
        frozenset({Kind.RARE_SKILLS}), (_IN_PERSON,), 16, 1, 0.4, RoomKind.SIMULATION,
        brick=True, means="virtual-reality",
    ),
    Module(
        "26NMED08-M1", "Prendre la parole devant une caméra", "26NMED08", "Communication et médias",
        frozenset({Kind.CO_PRODUCED}), (_IN_PERSON,), 16, 1, 0.5, RoomKind.STUDIO, brick=True,
    ),
    Module(
        "26NMED08-M2", "Animer une classe virtuelle", "26NMED08", "Communication et médias",
        frozenset({Kind.CO_PRODUCED, Kind.DIGITAL_SKILLS}), (_REMOTE,), 40, 1, 0.9, brick=True,
    ),
    Module(
        "26NDAT09-M1", "Analyser des données avec un tableur", "26NDAT09", "Données et systèmes d'information",
        frozenset({Kind.DIGITAL_SKILLS, Kind.CERTIFYING}), (_IN_PERSON, _HYBRID), 24, 2, 0.7, RoomKind.COMPUTERS,
        framework=True, means="data",
    ),
    Module(
        "26NDAT09-M2", "Administrer un système d'information", "26NDAT09", "Données et systèmes d'information",
        frozenset({Kind.DIGITAL_SKILLS, Kind.RARE_SKILLS}), (_IN_PERSON, _REMOTE), 24, 3, 0.4, RoomKind.COMPUTERS,
    ),
    Module(
        "26NREC10-M1", "Journée d'étude : gouverner l'école", "26NREC10", "Journées d'étude et colloques",
        frozenset({Kind.RESEARCH_EVENT, Kind.CO_PRODUCED}), (_IN_PERSON, _HYBRID), 200, 1, 1.2, RoomKind.AMPHITHEATRE,
    ),
    Module(
        "26NREC10-M2", "Webinaire de recherche : l'orientation", "26NREC10", "Journées d'étude et colloques",
        frozenset({Kind.RESEARCH_EVENT}), (_REMOTE,), 150, 1, 1.0,
    ),
)  # fmt: skip
"""All modules, those of a pathway in the order in which it is followed."""


def list_pathways() -> dict[str, tuple[Module, ...]]:
    """Return the modules of each pathway, in order."""
    pathways: dict[str, list[Module]] = {}
    for module in MODULES:
        pathways.setdefault(module.pathway, []).append(module)
    return {pathway: tuple(modules) for pathway, modules in pathways.items()}
