"""Troubleshooting playbooks: what each one knows, and the steps that look for it. Pure: evidence is handed in."""
