"""Everything around ClickHouse: schema and migrations, rows in and out, tenants' access, the embedded server."""
