"""Speed, measured on the whole product as it runs: figures for docs/performance.md, never a test."""
