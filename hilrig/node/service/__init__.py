"""The inference service of a node: one model in a process of its own, asked over HTTP."""
