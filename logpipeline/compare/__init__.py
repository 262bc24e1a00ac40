"""Two versions of the rules over the same history: what each finds that the other does not."""
