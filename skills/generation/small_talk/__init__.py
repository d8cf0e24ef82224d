"""Small talk: the low-rank adapter that makes a small chat model pleasant, its data and its training."""
