"""Dashboards as code: what Grafana is given and what the built-in boards draw, in French and in English."""
