"""What is measured: preprocess, infer, decide."""
