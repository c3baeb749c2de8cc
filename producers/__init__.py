"""From the institute's systems to xAPI statements: one module per source system, one frame for all of them.

A source reads its system's own format and maps each row to statements; the frame (`production.produce`) gives
them their ids, delivers them to Kafka or to an LRS, remembers what was delivered, and sets aside the rows that
could not be mapped. Knows statements and nothing behind Kafka.
"""
