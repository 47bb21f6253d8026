"""How far raters agree: chance-corrected coefficients, their intervals, and who moves them."""
