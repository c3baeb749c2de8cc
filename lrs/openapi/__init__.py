"""What the LRS says of its own interface: an OpenAPI description, made of what the code itself goes by, and a page."""
