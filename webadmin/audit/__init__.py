"""Who changed what: the rows of the audit log."""
