"""The functions of the Python API; `rather` exports them."""
