"""What a policy may ask for: each check is a pure function of the facts and answers with one sentence."""
