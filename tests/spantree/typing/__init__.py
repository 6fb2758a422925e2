"""A user's tests, checked by mypy and pyright in their strict modes."""
