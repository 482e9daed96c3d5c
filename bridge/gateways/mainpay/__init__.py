"""Mainpay: the default gateway, both of its dialects."""
