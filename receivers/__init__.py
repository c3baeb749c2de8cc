"""What takes in facts over HTTP beside xAPI: other systems' webhooks and the tablets of rooms, to Kafka."""
