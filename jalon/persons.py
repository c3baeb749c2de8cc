"""Persons of a tenant on both sides: what the vault is told of them, and what ClickHouse and Kafka make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse.connection import ClickHouseAddress, Client, connect
from clickhouse.persons import copy_persons, join_persons, read_copied_revision, read_restricted
from identity.audit import AuditTrail
from identity.orders import Order
from identity.person_changes import read_person_changes, read_person_revision
from identity.restrictions import take_up
from identity.vault import Vault


@contextmanager
def publishing(owner: ClickHouseAddress, vault: Vault, tenant: str) -> Iterator[Client]:
    """Have the tenant's database take what the block changes about persons: before, so that it can, and after it.

    Raises UnknownTenant, and StoreUnavailable: before the block, then nothing was changed; after it, then the stream
    processors will publish it.
    """
    vault.tenant_keys(tenant)
    client = connect(owner)
    try:
        join_persons(client, tenant)
        yield client
        _copy(client, vault, tenant)
    finally:
        client.close()


def restore_persons(client: Client, vault: Vault, trail: AuditTrail, tenant: str) -> None:
    """Have the tenant's database know persons as the vault does, after its schema was brought up to date.

    Where it knows more, the vault was restored from a backup: nobody whose processing was paused comes out of that.
    """
    revision, copied = read_person_revision(vault, tenant), read_copied_revision(client, tenant)
    if copied > revision:
        take_up(vault, trail, Order(tenant, "process:jalon"), copied, read_restricted(client, tenant))
    if revision or copied or vault.tenant_keys(tenant).older:
        join_persons(client, tenant)
        _copy(client, vault, tenant)


def _copy(client: Client, vault: Vault, tenant: str) -> None:
    copy_persons(client, tenant, read_person_changes(vault, tenant, read_copied_revision(client, tenant)))
