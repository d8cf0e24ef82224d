"""A language model from scratch: tokenizer, packed batches, training, samples, card."""
