"""The Faust application: accepted records in, pseudonymised and enriched rows in ClickHouse out."""
