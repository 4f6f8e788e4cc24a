"""One answer from several runs."""
