"""The commands `check`, `convert`, `show` and `tail`, for the script `spantree` and other programs."""
