"""Mutation testing of the modules that decide on money: one small change at a time must turn a test red."""
