"""What this machine is, what can be measured on it."""
