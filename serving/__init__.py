"""One of the two users of a model: answers over HTTP and over whole lists."""
