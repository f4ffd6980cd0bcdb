"""What happened to issues: changelogs, worklogs, and what follows from them."""
