//! The checks of the repository. `cargo xtask ci` runs all of them.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

mod documents;
mod fixtures;
mod instructions;
mod interop;
mod tidy;

const HELP: &str = "\
cargo xtask ci         all checks
cargo xtask tidy       of them: layers, module docs, names, the table of detectors
cargo xtask documents  of them: documents, by the validators of others where they are installed
cargo xtask interop    of them: attestations, with cosign, oras and sigstore-go on real registries where they are;
                       with `compare` cosign is measured, too
cargo xtask instructions [PART...]
                       of them: instructions of each part, by callgrind, against benches/instructions.txt;
                       with `--bless` they become that
cargo xtask fixtures   write the fixtures anew";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let result = match task.as_str() {
        "ci" => ci(),
        "fixtures" => fixtures::write(&root().join("fixtures")).map_err(|error| error.to_string()),
        "documents" => documents::check(&root(), &say),
        "instructions" => instructions::check(&root(), &std::env::args().skip(2).collect::<Vec<_>>(), &say),
        "interop" => interop::check(&root(), std::env::args().nth(2).as_deref() == Some("compare"), &say),
        "tidy" => report(&tidy::faults(&root())),
        _ => Err(HELP.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&message);
            ExitCode::FAILURE
        }
    }
}

/// Everything but the tests, which the README's own command runs.
fn ci() -> Result<(), String> {
    run("cargo", &["fmt", "--all", "--check"], &[])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    run("cargo", &["check", "--package", "sbom-core", "--no-default-features"], &[])?;
    run("cargo", &["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    report(&tidy::faults(&root()))?;
    documents::check(&root(), &say)?;
    interop::check(&root(), false, &say)?;
    instructions::check(&root(), &[], &say)?;
    run("cargo", &["deny", "check", "bans", "licenses", "sources"], &[])?;
    say("all checks passed");
    Ok(())
}

fn report(faults: &[String]) -> Result<(), String> {
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let line = format!("{program} {}", arguments.join(" "));
    say(&format!("=== {line}"));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("{line}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{line}: failed")) }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::print_stderr, reason = "a program for developers talks on standard error")]
fn say(message: &str) {
    eprintln!("{message}");
}
