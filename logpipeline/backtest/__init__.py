"""The goals over files: the same kernel as live, in a plain loop, with the windows' last word for every rule."""
