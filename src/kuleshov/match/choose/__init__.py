"""Choose one candidate for each stretch, for the good of the whole film."""
