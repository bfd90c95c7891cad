//! End-to-end tests: images made in code, scanned by the program as users run it.

mod command_line;
mod corpus;
mod hostile;
mod kept_fuzz_inputs;
mod layers;
mod measured;
mod program;
