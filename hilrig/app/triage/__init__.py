"""Troubleshooting by playbook."""
