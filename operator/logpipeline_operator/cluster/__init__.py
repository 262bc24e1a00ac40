"""The cluster as the operator sees it: kinds, a thin client, the live objects, and how they differ from the desired."""
