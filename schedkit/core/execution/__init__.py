"""How: what may start, where its code runs, how an attempt ends and what follows."""
