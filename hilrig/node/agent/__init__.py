"""The update agent: it brings the node to a signed desired state, or leaves it as it was."""
