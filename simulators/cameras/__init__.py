"""Camera analytics scored against clips with known truth, and against cases made from them."""
