"""What people look at: dashboards as code, their provisioning into Grafana, and the built-in boards that draw them."""
