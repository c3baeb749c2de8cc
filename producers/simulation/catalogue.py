"""What the invented institute teaches, where, and what its people are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Module:
    """A module within its pathway, with their identifiers and French names."""

    id: str
    name: str
    pathway: str
    pathway_name: str


@dataclass(frozen=True, slots=True)
class Video:
    """A video, its French name and its length in seconds: longer than anybody watches at once."""

    name: str
    length: int


_PATHWAYS: Final = {
    ("26NPER01", "Prise de fonction des personnels de direction"): (
        "Conduire un conseil d'administration",
        "Piloter l'établissement par le dialogue",
        "Sécuriser les actes juridiques",
        "Accueillir et accompagner une équipe",
    ),
    ("26NINS02", "Parcours des inspecteurs stagiaires"): (
        "Observer et conseiller en classe",
        "Évaluer une école, un établissement",
        "Animer un réseau de formateurs",
    ),
    ("26NADM03", "Encadrement administratif supérieur"): (
        "Élaborer et suivre un budget",
        "Mener un entretien professionnel",
        "Prévenir les risques psychosociaux",
        "Négocier et conclure un marché public",
    ),
    ("26NNUM04", "Numérique et données pour décider"): (
        "Lire et présenter des indicateurs",
        "Protéger les données personnelles",
        "Hybrider une formation",
    ),
    ("26NINT05", "Ouverture européenne et internationale"): (
        "Monter un projet de mobilité",
        "Accueillir des délégations étrangères",
    ),
    ("26NLAI06", "Laïcité et valeurs de la République"): (
        "Répondre aux atteintes à la laïcité",
        "Faire vivre l'égalité filles-garçons",
    ),
}

MODULES: Final = tuple(
    Module(f"{pathway}-M{number}", name, pathway, pathway_name)
    for (pathway, pathway_name), names in _PATHWAYS.items()
    for number, name in enumerate(names, start=1)
)

ROOMS: Final = (
    "Amphithéâtre Hélène-Brion",
    "Amphithéâtre Jean-Zay",
    "Salle Pauline-Kergomard",
    "Salle Élise-Freinet",
    "Salle Maria-Montessori",
    "Salle Ferdinand-Buisson",
    "Salle Célestin-Freinet",
    "Salle Germaine-Tillion",
    "Salle Aimé-Césaire",
    "Salle Émilie-du-Châtelet",
    "Salle Évariste-Galois",
    "Salle Sophie-Germain",
    "Salle Léopold-Sédar-Senghor",
    "Salle Olympe-de-Gouges",
    "Studio numérique",
    "Salle de simulation",
)

VIDEOS: Final = (
    Video("Prendre la parole en public", 1_630),
    Video("Le cadre juridique en dix questions", 2_415),
    Video("Préparer sa première rentrée", 1_980),
    Video("Comprendre le RGPD", 1_742),
    Video("L'entretien professionnel pas à pas", 2_106),
    Video("Lire un tableau de bord", 1_555),
)

FIRST_NAMES: Final = (
    "Adèle", "Agnès", "Aïcha", "Alain", "Amélie", "André", "Anaïs", "Anne-Sophie", "Antoine", "Aurélie", "Baptiste",
    "Bénédicte", "Benoît", "Bertrand", "Camille", "Cécile", "Céline", "Chloé", "Christophe", "Clément", "Corinne",
    "Damien", "Daphné", "Delphine", "Désiré", "Élodie", "Émilie", "Éric", "Estelle", "Eugénie", "Fabrice", "Fatou",
    "Florence", "François", "Frédéric", "Gaël", "Geneviève", "Gérard", "Grégoire", "Hakim", "Hélène", "Henri",
    "Inès", "Isabelle", "Jacques", "Jean-Noël", "Jérémie", "Joël", "Joséphine", "Karim", "Laëtitia", "Laurent",
    "Léa", "Léonie", "Loïc", "Lucie", "Maëlle", "Magali", "Marc", "Marie-Thérèse", "Mathilde", "Maud", "Mélanie",
    "Michaël", "Mireille", "Nadège", "Nathalie", "Nicolas", "Noémie", "Océane", "Odile", "Olivier", "Pascal",
    "Patrice", "Pénélope", "Philippe", "Quentin", "Rachida", "Raphaël", "Régis", "Rémi", "Renée", "Romain", "Salomé",
    "Samira", "Sébastien", "Séverine", "Simon", "Solène", "Stéphanie", "Sylvain", "Thérèse", "Thibault", "Timothée",
    "Valérie", "Véronique", "Victor", "Virginie", "Xavier", "Yann", "Yasmine", "Zoé",
)  # fmt: skip

LAST_NAMES: Final = (
    "Abadie", "Allègre", "Amrani", "Aubépin", "Auclère", "Barthélémy", "Baudouin", "Bélanger", "Benhaddou", "Béraud",
    "Bessière", "Bonnefoy", "Boulègue", "Brûlé", "Cazeneuve", "Chaâbane", "Chanteloup", "Chérif", "Cléry", "Coëtmeur",
    "Corbière", "Courtès", "D'Aubigny", "Dalbéra", "Delaître", "Desnoyers", "Diarra", "Dréan", "Dufrêne", "Dupré",
    "Écochard", "Éluard", "Escoffier", "Estève", "Fabrègue", "Faîtout", "Fenouillet", "Ferré", "Fournié", "Garrigue",
    "Gélis", "Géraud", "Gossellin", "Grandchêne", "Guénolé", "Guérin", "Hénault", "Héraut", "Houdinière", "Jaurès",
    "Joffrin", "Kerléo", "Kowalczyk", "L'Hermitte", "Labarthète", "Lacoudre", "Larivière", "Le Goïc", "Lefèbvre",
    "Lémeret", "Leprêtre", "Lhuissier", "Maître", "Malaurie", "Marécaux", "Maupéou", "Ménard", "Mézières", "Moûtiers",
    "N'Diaye", "Naudière", "Nguyên", "Oléron", "Ozanne", "Pagès", "Péguilhan", "Périgord", "Piéchaud", "Plédran",
    "Prévost", "Quéméneur", "Rabiè", "Régnier", "Ribérac", "Rivoallan", "Roquefère", "Saïdi", "Salvétat", "Sémard",
    "Séverac", "Soulié", "Tessèdre", "Théron", "Thévenet", "Tréguier", "Vaïsse", "Valéry", "Verdière", "Viète",
    "Zémour",
)  # fmt: skip
