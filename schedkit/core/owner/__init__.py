"""The owner of a ledger: it joins when, what happened and how, on our loop."""
