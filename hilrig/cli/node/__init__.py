"""Commands on a node's store."""
