"""The commands `check`, `show` and `convert`, for the script `spantree` and for other programs that offer them."""
