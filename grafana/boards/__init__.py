"""The built-in boards: a small web application that draws the committed Grafana dashboards with the same SQL."""
