"""Any table of rows to statements, by a mapping file: columns to statement fields, no code (docs/sources/map.md)."""

from producers.mapping.loading import find_mapping, list_shipped, load_mapping
from producers.mapping.source import MappingSource

__all__ = ["MappingSource", "find_mapping", "list_shipped", "load_mapping"]
