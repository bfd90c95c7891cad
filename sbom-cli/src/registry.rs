//! From the options and the environment to a client of registries.

use std::{fs::File, io, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use sbom_core::{
    limits::{Limits, read_capped},
    oci::reference::{Reference, ReferenceError, Repository},
    registry::{AuthFiles, Client, ClientConfig, CredentialStore, Credentials, Fault, Login, Security},
    source::{Selection, Source, registry},
};

use crate::{args::RegistryArgs, environment::Environment, exit_code::Failure};

/// Opens the images that `name` names in a registry.
pub(crate) fn open(
    name: &str,
    selection: &Selection,
    arguments: &RegistryArgs,
    environment: &Environment,
    limits: &Limits,
) -> Result<Vec<Box<dyn Source>>, Failure> {
    let reference = reference(name)?;
    let client = client(arguments, environment, limits, reference.repository())?;
    let images = registry::open(&client, &reference, selection, limits).map_err(|error| {
        let failure = Failure::from(error);
        let context = format!("{name:?}, which is no file or folder here, as an image in a registry");
        Failure { source: failure.source.context(context), ..failure }
    })?;
    Ok(images.into_iter().map(|image| Box::new(image) as Box<dyn Source>).collect())
}

/// The image in a registry that `name` names.
pub(crate) fn reference(name: &str) -> Result<Reference, Failure> {
    name.parse().map_err(|error: ReferenceError| {
        let prefixes = "oci:, oci-archive:, docker-archive:, docker:, podman:, registry:, dir:, file:";
        let context =
            format!("{name:?} is no path, begins with no known prefix ({prefixes}) and names no image");
        Failure::usage(anyhow::Error::new(error).context(context))
    })
}

/// A client as options and environment want it. A password on the command line is for the registry of `repository`
/// alone, which the user named; not for one that an image names.
pub(crate) fn client(
    arguments: &RegistryArgs,
    environment: &Environment,
    limits: &Limits,
    repository: &Repository,
) -> Result<Arc<Client>, Failure> {
    let config = ClientConfig {
        security: if arguments.insecure { Security::DangerUnverified } else { Security::Verified },
        ca_certificates: certificates(arguments, environment, limits)?,
        timeout: Duration::from_secs(arguments.timeout.max(1)),
        credentials: credentials(arguments, environment, limits, repository)?,
        user_agent: concat!("sbomctl/", env!("CARGO_PKG_VERSION")).to_owned(),
        limits: limits.clone(),
        proxy: environment.https_proxy.clone(),
        no_proxy: environment.no_proxy.clone(),
        ..ClientConfig::default()
    };
    let client = Client::new(config).map_err(|fault| match fault {
        Fault::Certificate { .. } => Failure::usage(anyhow!(fault)),
        fault => Failure::environment(anyhow!(fault)),
    })?;
    Ok(Arc::new(client))
}

/// The system's certificate authorities, where they are found, and those that the user adds.
fn certificates(
    arguments: &RegistryArgs,
    environment: &Environment,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut pems = Vec::new();
    for path in &arguments.ca_cert {
        pems.push(read(path, limits).map_err(Failure::usage)?);
    }
    for path in &environment.certificate_stores {
        if let Ok(pem) = read(path, limits) {
            pems.push(pem);
            break;
        }
    }
    Ok(pems)
}

fn credentials(
    arguments: &RegistryArgs,
    environment: &Environment,
    limits: &Limits,
    repository: &Repository,
) -> Result<Arc<dyn CredentialStore>, Failure> {
    if let Some(username) = &arguments.username {
        let Some(password) = environment.registry_password.clone() else {
            return Err(Failure::usage(anyhow!(
                "--username needs a password in the variable SBOMCTL_REGISTRY_PASSWORD"
            )));
        };
        let credentials = Credentials::Password { username: username.clone(), password };
        return Ok(Arc::new(Login::new(credentials, [repository])));
    }
    let mut files = AuthFiles::new(limits);
    let mut add = |path: &Path| -> anyhow::Result<bool> {
        let bytes = match read(path, limits) {
            Ok(bytes) => bytes,
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        files.add(&path.display().to_string(), &bytes)?;
        Ok(true)
    };
    match &arguments.registry_config {
        Some(path) => {
            if !add(path).map_err(Failure::usage)? {
                return Err(Failure::usage(anyhow!("{}: no such file", path.display())));
            }
        }
        None => {
            for path in &environment.registry_configs {
                add(path).map_err(Failure::environment)?;
            }
        }
    }
    Ok(Arc::new(files))
}

fn read(path: &Path, limits: &Limits) -> anyhow::Result<Vec<u8>> {
    let attempt = || -> anyhow::Result<Vec<u8>> { Ok(read_capped(File::open(path)?, limits.config_bytes)?) };
    attempt().with_context(|| path.display().to_string())
}

fn is_not_found(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    })
}
