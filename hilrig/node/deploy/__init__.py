"""Deployment files of a node, generated from the same signed desired state that its agent follows."""
