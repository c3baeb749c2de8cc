"""The ClickHouse engine (chDB) in one process, behind ClickHouse's own HTTP interface.

It exists so that Jalon runs on a laptop with the client, the SQL and the access control that it uses in production.
"""
