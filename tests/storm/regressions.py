"""Seeds that were red once, each with the sentence of what it found. They are run with every test, for ever."""

REGRESSIONS: dict[int, str] = {
    134: "the outbox asked the ledger's writer five times a second while a payment's first message waited",
    476: "a notice settled a full refund between its claim and its first byte: the repetition is harmless",
}
