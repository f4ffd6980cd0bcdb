"""One process at a ledger: what it runs, what it hears of others and asks them."""
