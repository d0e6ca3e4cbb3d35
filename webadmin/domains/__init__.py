"""Virtual domains: add, remove, give another name, say what happens to unknown addresses and to old mail."""
