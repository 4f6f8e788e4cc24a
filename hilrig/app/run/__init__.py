"""A run asked for, started, followed, ended: from the outside."""
