"""Welcome Payments: PAYAPI and its payment link."""
