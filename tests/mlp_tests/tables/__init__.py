"""Tables of the repository that are written from other sources."""
