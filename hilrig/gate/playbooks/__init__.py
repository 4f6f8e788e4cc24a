"""Troubleshooting playbooks: what each one knows.

Its steps look for that. Pure: evidence is handed in.
"""
