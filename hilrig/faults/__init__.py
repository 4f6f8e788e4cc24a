"""What is broken on purpose: faults in a run, load beside it, cut power."""
