//! Runs one part of a scan on input that it makes itself, so that its instructions can be counted.
//!
//! `sbomctl-instructions list` names the parts, `… cpu` what was found of the processor, `… NAME` runs a part.
//! Callgrind counts from the entry into [`counted_section`] to its return, so making the input is not counted.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

use std::process::ExitCode;

use parts::{Part, parts};

#[path = "../big_document.rs"]
mod big_document;
mod executables;
mod inputs;
mod parts;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match wanted.as_str() {
        "list" => parts().iter().for_each(|part| println!("{}", part.name)),
        "cpu" => println!("{}", cpu()),
        name => return run(name),
    }
    ExitCode::SUCCESS
}

fn run(name: &str) -> ExitCode {
    let Some(Part { run, .. }) = parts().into_iter().find(|part| part.name == name) else {
        eprintln!("usage: sbomctl-instructions list | cpu | NAME");
        return ExitCode::FAILURE;
    };
    // A part that stops working would look like one that became fast.
    match run() {
        Ok(0) => eprintln!("{name}: nothing came of it"),
        Err(error) => eprintln!("{name}: {error}"),
        Ok(count) => {
            println!("{name}: {count} results");
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::FAILURE
}

/// What is counted: callgrind is told this function's name.
#[inline(never)]
fn counted_section(part: &mut dyn FnMut()) {
    part();
}

/// Counts the instructions of `part`.
fn counted<T>(part: impl FnOnce() -> T) -> Option<T> {
    let mut part = Some(part);
    let mut result = None;
    counted_section(&mut || result = part.take().map(|part| part()));
    std::hint::black_box(result)
}

/// The features that libraries choose their code by at run time, and that callgrind emulates if the processor has them.
fn cpu() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "baseline"
}
