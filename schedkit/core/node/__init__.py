"""One process at a ledger, as its owner or as a viewer, and what each may ask of the other."""
