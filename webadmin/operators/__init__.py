"""People who may do everything: their logins."""
