"""Recognition: what one, several, or one of several people say."""
