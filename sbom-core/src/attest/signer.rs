//! What signs: a key in memory, a program, a token.
