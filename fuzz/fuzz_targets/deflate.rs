#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sbomctl_fuzz::run("deflate", bytes));
