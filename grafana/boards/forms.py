"""Forms: read within bounds, and told apart from forms that were not filled on our pages."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_FIELDS = 10
_MOST_BYTES = 16 * 1024


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises starlette's HTTPException (400) for one that is too large, or holds files."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=_MOST_BYTES)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def is_genuine(form: Mapping[str, str], expected: str) -> bool:
    """Tell whether a form was filled on a page that we gave to this browser."""
    return bool(expected) and secrets.compare_digest(expected.encode(), form.get("token", "").encode())
