"""The release gate: compatibility, golden regression, policy and its checks, which decision counts."""
