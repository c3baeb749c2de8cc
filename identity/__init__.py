"""Who is who, and who may know it: tenants, credentials, people, pseudonyms, keys and the vault.

The only package that can turn a pseudonym back into a person. What it writes lies in the relational database,
apart from the statements; the key that opens it lies in a file, apart from both (docs/identity.md).
"""
