"""Files to try the product on; nothing imports them."""
