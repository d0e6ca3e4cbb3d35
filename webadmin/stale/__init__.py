"""Old mail: what the domains' policies take away."""
