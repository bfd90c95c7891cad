//! sbomctl.

fn main() {}
