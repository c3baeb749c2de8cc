"""What this package answers beside success and the refusals that it shares with the LRS (lrs/errors.py).

LrsError
├── Forbidden
│   └── WrongSignature      403  nobody who knows the webhook's secret has signed this
├── NotFound
│   └── UnknownAddress      404  nothing is at this address, or no longer
└── Unavailable
    └── JoinNotSeen         503  a leave whose join may still come: to be sent again later

A wrong signature is 403 and never 401: BigBlueButton takes a 401 for success, and would throw away what it sends while
a secret is being mended.
"""

from __future__ import annotations

from lrs.errors import Forbidden, NotFound, Unavailable


class WrongSignature(Forbidden):
    """What was sent is not signed with the webhook's secret, or too long ago; nothing of it was taken."""

    code = "wrong-signature"


class UnknownAddress(NotFound):
    """There is no webhook at this address."""

    code = "unknown-address"

    def __init__(self) -> None:
        super().__init__("Nothing is at this address: `jalon webhook add` makes one.")


class JoinNotSeen(Unavailable):
    """A leave came before its join; nothing was kept."""

    code = "join-not-seen"

    def __init__(self, retry_after: int) -> None:
        super().__init__("The join of this leave has not come yet. Send it again later.", retry_after=retry_after)
