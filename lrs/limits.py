"""What the LRS bounds, in one place: nothing that a client sends may grow without end."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. The defaults suit one process on a small machine."""

    body_bytes: int = 10 * MIB
    """One request's body; more is answered 413."""
    bodies_bytes: int = 128 * MIB
    """All bodies held at once; more is answered 503, unless it is the only one."""
    body_seconds: float = 60
    """How long a body may take to arrive; longer is answered 408."""
    attachment_bytes: int = 256 * MIB
    """One attachment; more is answered 413."""
    attachments_bytes: int = 1024 * MIB
    """The attachments of one request together; more is answered 413."""
    attachment_parts: int = 1_000
    """Parts of one multipart body beside the statements; more is answered 413."""
    attachment_seconds: float = 600
    """How long a multipart body may take to arrive; longer is answered 408."""
    staged_bytes: int = 4096 * MIB
    """Attachments under way that lie in the object store, not yet a statement's; more is answered 503."""
    buffers_bytes: int = 64 * MIB
    """Memory in which attachments under way are gathered for the object store; more is answered 503."""
    batch_statements: int = 5_000
    """Statements in one POST; more is answered 413."""
    record_bytes: int = 16 * MIB
    """One request as a Kafka record, completed; the topic's max.message.bytes must allow it."""
    pending_bytes: int = 64 * MIB
    """Records that Kafka has not acknowledged; more is answered 503, unless it is the only one."""
    ack_seconds: float = 10
    """How long a write waits for Kafka's acknowledgement."""
    lookup_seconds: float = 2
    """How long a write waits to learn whether its ids are known; after that the stream decides."""
    read_seconds: float = 10
    """How long a read waits for the store to hold everything accepted before it."""
    refusal_seconds: float = 1
    """How long the refusal of a read waits to tell how fresh the store is."""
    settling_seconds: float = 0.02
    """How long Kafka may take from stamping a record to counting it in the end offsets."""
    page_statements: int = 500
    """Statements in one page of results."""
    thread_bytes: int = 64 * 1024
    """Bodies larger than this are parsed and checked off the event loop."""
    in_flight_ids: int = 200_000
    """Accepted ids remembered until they are visible."""
    credential_seconds: float = 30
    """How long a verified credential is remembered; a revoked one works for as long at most."""
    credential_outage_seconds: float = 3600
    """How long after it was last looked up it works at most while the identity database does not answer."""
    renewal_seconds: float = 2
    """How long a request waits for a credential that is known to be looked up again."""
    identity_seconds: float = 10
    """How long a request waits for a secret's first check, and for identities to be opened; longer is answered 503."""
    document_threads: int = 4
    """Documents read or written at once."""
    documents_waiting: int = 1_000
    """Documents that wait for it or are under way; more is answered 503."""
    sign_ins: int = 50
    """Secrets that wait to be checked for the first time; more is answered 503. A check takes some 20 ms."""
    rate_per_second: float = 0
    """Requests that one credential may send a second on the average; more is answered 429. 0: as many as it likes."""
    rate_burst: int = 100
    """Requests that one credential may send at once, under such a rate."""
    query_bytes: int = 16 * 1024
    """One request's query string; more is answered 414."""
    head_bytes: int = 64 * 1024
    """Request line and headers together; more is answered 431, and the connection ends."""
    head_seconds: float = 30
    """How long they may take to arrive; longer is answered 408, and the connection ends."""
    slow_seconds: float = 2
    """A request that takes longer is logged."""
