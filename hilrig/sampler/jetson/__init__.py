"""Jetson boards, from sysfs; their own tools as a fallback."""
