"""The update agent: it watches a signed desired state and brings the node there, or leaves it as it was."""
