//! Verification of one signed statement, step by step, with a record of every step.
