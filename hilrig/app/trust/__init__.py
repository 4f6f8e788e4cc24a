"""The trust root: who may sign what."""
