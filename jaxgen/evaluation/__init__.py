"""What generated digits are worth: the judge that looks, the measures, and the report that says them."""
