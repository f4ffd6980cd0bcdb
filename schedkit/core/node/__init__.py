"""One process at a ledger: what it runs, and how it exchanges events and commands with others."""
