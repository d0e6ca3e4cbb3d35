"""Contestants, all with the same shape: start on a folder, take mail on a port for joe@example.org, deliver it to a Maildir, stop."""
