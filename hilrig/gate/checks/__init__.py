"""What a policy may ask for.

Each check is a pure function of the facts and answers with one sentence.
"""
