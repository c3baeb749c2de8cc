"""The learning record store's HTTP interface: xAPI statements in to Kafka, out of ClickHouse.

`lrs.app.create_app` builds the ASGI application from its services; `lrs.server.serve` runs it.
"""
