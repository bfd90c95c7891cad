//! From what the user names to sources that can be scanned.

use std::{io, path::PathBuf};

use anyhow::anyhow;
use sbom_core::{
    limits::Limits,
    oci::Platform,
    source::{
        Choice, Selection, daemon,
        locator::{Engine, Locator, LocatorError, Opened},
        stream::StreamArchive,
    },
};

use crate::{args::ScanArgs, environment::Environment, exit_code::Failure, registry};

/// What was opened, and which of the images in it are wanted.
pub(crate) struct Subject {
    pub(crate) opened: Opened,
    pub(crate) selection: Selection,
}

/// Opens the subject that the arguments name.
pub(crate) fn open(
    arguments: &ScanArgs,
    environment: &Environment,
    limits: &Limits,
) -> Result<Subject, Failure> {
    let selection = match &arguments.platform {
        Some(platform) => Selection::Platform(platform.clone()),
        None if arguments.all_platforms => Selection::All,
        None => Selection::Default(host_platform()),
    };
    let opened = match Locator::parse(&arguments.subject, limits).map_err(locator_failure)? {
        Locator::Local(local) => local.open(&selection, limits)?,
        Locator::Stdin => {
            let stream = StreamArchive::new(io::stdin(), "standard input", "stdin", limits)?;
            Opened::Stream(Box::new(stream), Choice::Only)
        }
        Locator::Daemon(engine, image) => {
            let sockets = sockets(arguments, environment, engine);
            Opened::Stream(Box::new(daemon::export(engine, &image, &sockets, limits)?), Choice::Only)
        }
        Locator::Registry(name) => {
            Opened::Sources(registry::open(&name, &selection, &arguments.registry, environment, limits)?)
        }
        _ => {
            return Err(Failure::usage(anyhow!("{:?} is of no kind that can be scanned", arguments.subject)));
        }
    };
    Ok(Subject { opened, selection })
}

/// The failure of a name that means nothing.
pub(crate) fn locator_failure(error: LocatorError) -> Failure {
    match error {
        LocatorError::Source(error) => error.into(),
        error => Failure::usage(error),
    }
}

fn sockets(arguments: &ScanArgs, environment: &Environment, engine: Engine) -> Vec<PathBuf> {
    match (&arguments.daemon_socket, engine) {
        (Some(socket), _) => vec![socket.clone()],
        (None, Engine::Docker) => environment.docker_sockets.clone(),
        (None, Engine::Podman) => environment.podman_sockets.clone(),
    }
}

/// What this program was built for; images are made for Linux wherever they are looked at.
fn host_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), ..Platform::default() }
}
