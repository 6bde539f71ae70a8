"""The files that service containers start from, as text made by pure functions."""
