"""Control files: edit one with its rules in sight, go back to an older generation."""
