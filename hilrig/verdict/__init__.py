"""The judgement: pure functions from a record to a verdict."""
