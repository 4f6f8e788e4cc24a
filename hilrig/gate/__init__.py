"""The release gate: which decision a release gets for a device class.

It holds compatibility, golden regression, the policy with its checks, and which decision counts.
"""
