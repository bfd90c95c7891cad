//! `sbomctl`: parses the command line, hands over to a subcommand, and turns failures into exit codes.

use std::{io, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};
use sbom_core::limits::Limits;

mod airgap;
mod args;
mod attest;
mod bill;
mod cache;
mod conformance;
mod convert;
mod diff;
mod documents;
mod environment;
mod exit_code;
mod key;
#[cfg(feature = "keyless")]
mod keyless;
mod keys;
mod merge;
mod open;
mod orders;
mod output;
mod place;
mod policy;
mod query;
mod registry;
mod scan;
mod score;
mod stamp;
mod stated;
mod terminal;
#[cfg(feature = "pkcs11")]
mod token;
mod tree;
mod validate;
mod verify;

use args::{Cli, Command, show_amount};
use environment::Environment;
use exit_code::{Exit, Failure};
use terminal::Terminal;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no failures; clap tells them apart and prints each where it belongs.
        Err(error) if !error.use_stderr() => {
            drop(error.print());
            return Exit::Done.into();
        }
        Err(error) => {
            args::tell(&error);
            return Exit::Usage.into();
        }
    };
    let environment = Environment::read();
    let terminal = Terminal::new(&cli.global, &environment);
    // Without the handler an interrupt ends the program all the same, but may leave a hidden file behind.
    let interrupted = terminal.clone();
    let handler = ctrlc::set_handler(move || {
        output::remove_unfinished();
        interrupted.clear();
        std::process::exit(130);
    });
    if let Err(error) = handler {
        tracing::debug!("no handler for interrupts: {error}");
    }
    let done = match &cli.command {
        Command::Scan(arguments) => scan::run(arguments, &environment, &terminal),
        Command::Attest(arguments) => attest::run(arguments, &environment, &terminal),
        Command::Tree(arguments) => tree::run(arguments, &environment, &terminal),
        Command::Airgap(arguments) => airgap::run(arguments, &environment, &terminal),
        Command::Convert(arguments) => convert::run(arguments, &environment, &terminal),
        Command::Merge(arguments) => merge::run(arguments, &environment, &terminal),
        Command::Diff(arguments) => diff::run(arguments, &environment, &terminal),
        Command::Query(arguments) => query::run(arguments, &environment, &terminal),
        Command::Score(arguments) => score::run(arguments, &terminal),
        Command::Validate(arguments) => validate::run(arguments, &environment, &terminal),
        Command::Policy(arguments) => policy::run(arguments, &environment, &terminal),
        Command::Key(arguments) => key::run(arguments, &environment),
        Command::Verify(arguments) => verify::run(arguments, &environment, &terminal),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "sbomctl", &mut script);
            output::to_stdout(|out| out.write_all(&script)).map(|()| Exit::Done)
        }
        Command::Cache(arguments) => cache::run(arguments, &environment),
        Command::Limits => limits().map(|()| Exit::Done),
        Command::SigstoreConformance(arguments) => conformance::run(arguments),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(Failure { exit, source }) => {
            // Whoever closed the pipe knows, and has nobody to tell.
            if !is_broken_pipe(&source) {
                terminal.error(&source);
            }
            exit.into()
        }
    }
}

fn limits() -> Result<(), Failure> {
    output::to_stdout(|out| {
        for (limit, reason) in Limits::default().all() {
            writeln!(out, "{:<24} {:>9}  {reason}", limit.name, show_amount(limit.value, limit.unit))?;
        }
        Ok(())
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
