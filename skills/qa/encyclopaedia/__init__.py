"""Questions that a language model wrote for this project about Wikipedia, without the paragraphs."""
