"""The technician's page."""
