"""One thin wrapper per system act: files, locks, processes, rights. Decides nothing about mail."""
