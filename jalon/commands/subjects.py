"""`jalon subject`: what a person may ask of an institution that holds data on them.

A person is named by an e-mail address, an OpenID, an account (`HOME|NAME`), the SHA-1 of a mailto IRI, a pseudonym, or
an agent in JSON. What is named on a command line stays in the shell's history: `-` reads it from the standard input.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Annotated, Any

import typer

from identity.sealing import PSEUDONYM_HOME
from jalon.errors import WrongInput

app = typer.Typer(help="Persons: what they may ask of an institution that holds data on them.", no_args_is_help=True)

Subject = Annotated[
    str,
    typer.Argument(
        metavar="PERSON",
        help="E-mail address, OpenID, HOME|NAME of an account, SHA-1 of a mailto IRI, pseudonym, or an agent in JSON; "
        "`-` reads it from the standard input.",
    ),
]

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_ADDRESS = re.compile(r"(?:mailto:)?([^\s@|]+@[^\s@|/]+)", re.IGNORECASE)
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)


def read_subject(text: str) -> dict[str, Any]:
    """Return the agent that an operator's text names. Raises WrongInput."""
    text = (sys.stdin.readline() if text == "-" else text).strip()
    if text.startswith("{"):
        return _read_json(text)
    if _PSEUDONYM.fullmatch(text):
        return {"account": {"homePage": PSEUDONYM_HOME, "name": text}}
    if _SHA1.fullmatch(text):
        return {"mbox_sha1sum": text.lower()}
    home, bar, name = text.partition("|")
    if bar and name and _WEB.fullmatch(home):
        return {"account": {"homePage": home, "name": name}}
    if address := _ADDRESS.fullmatch(text):
        return {"mbox": f"mailto:{address[1]}"}
    if _WEB.fullmatch(text):
        return {"openid": text}
    raise WrongInput(
        "Name the person by an e-mail address, an OpenID, HOME|NAME of an account, the SHA-1 of a mailto IRI, "
        "a pseudonym, or an agent in JSON."
    )


def _read_json(text: str) -> dict[str, Any]:
    try:
        agent = json.loads(text)
    except ValueError:
        raise WrongInput("The agent is not valid JSON: quote it for the shell.") from None
    if not isinstance(agent, dict):
        raise WrongInput("The agent is not a JSON object.")
    return agent
