"""Options that hold a secret: given in the environment or in a file, so that no list of processes shows it."""

from __future__ import annotations

from pathlib import Path

from jalon.errors import WrongInput


def read_secret(option: str, text: str) -> str:
    """Return the value of an option: the text itself, or of `@FILE` the first line of a file. Raises WrongInput."""
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{option} {text}: {path} cannot be read ({type(error).__name__}).") from error
    return lines[0].strip() if lines else ""
