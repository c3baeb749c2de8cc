"""The embedded runtime: Kafka, the ClickHouse engine and Jalon's processes under one supervisor, without Docker."""
