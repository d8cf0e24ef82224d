"""Writing with a masked language model: BERT and its kin."""
