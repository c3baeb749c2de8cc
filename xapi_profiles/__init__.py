"""What an xAPI statement is: its data model, vocabulary, profiles, and the form of a record in Kafka.

Every other package builds on this one, and producers on nothing else, so it imports none of them.
"""
