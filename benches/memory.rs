//! How much memory and time it takes to write a document of 100,000 components, in every format.
//!
//! Each format is written in a process of its own, whose peak of resident memory the kernel has kept: run this with
//! `cargo bench --bench memory`, or with `cargo bench --bench memory -- COUNT`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "what the kernel measured is read and printed"
)]

use std::{
    env, fs,
    io::{self, Write},
    process::Command,
    time::Instant,
};

use big_document::big_document;
use sbom_core::document::{Format, Inputs, write};

mod big_document;

/// Marks the process that measures; a format follows, or `nothing`.
const CHILD: &str = "--measure";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let count = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        return measure(count, arguments.get(at + 1).and_then(|name| name.parse().ok()));
    }
    println!("{count} components: format, seconds, bytes written, peak of memory, of it the model");
    let formats = Format::ALL.iter().map(ToString::to_string);
    for format in ["nothing".to_owned()].into_iter().chain(formats) {
        let program = env::current_exe()?;
        Command::new(program).args([CHILD, &format, &count.to_string()]).status()?;
    }
    Ok(())
}

fn measure(count: usize, format: Option<Format>) -> io::Result<()> {
    let document = big_document(count);
    let of_model = peak();
    let mut sink = Sink(0);
    let start = Instant::now();
    if let Some(format) = format {
        write(&document, format, &Inputs::default(), &mut sink)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let name = format.map_or_else(|| "nothing".to_owned(), |format| format.to_string());
    println!("{name:20} {seconds:6.2} s {:>12} {:>10} {of_model:>10}", sink.0, peak());
    Ok(())
}

/// The peak of resident memory, as the kernel words it; Linux alone has it.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}

/// Counts what is written.
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
