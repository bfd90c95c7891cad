//! Facts that users state about the subject: in a configuration file, and in options, which go before it.

use std::{fs::File, path::PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use sbom_core::{
    document::stated::{Header, Stated, StatedParty, Subject},
    limits::{Limits, read_capped},
};

use crate::{environment::Environment, exit_code::Failure};

/// The configuration file that is looked for in the current folder.
const FILE: &str = "sbomctl.toml";

/// Options of subcommands that make documents.
#[derive(Debug, Args)]
#[command(next_help_heading = "Facts of your own")]
pub(crate) struct StatedArgs {
    /// Read facts from this file in place of `SBOMCTL_CONFIG`, ./sbomctl.toml and sbomctl/sbomctl.toml in the
    /// folder of the user's settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Call the subject this
    #[arg(long, value_name = "NAME")]
    source_name: Option<String>,
    /// Version of the subject
    #[arg(long, value_name = "VERSION")]
    source_version: Option<String>,
    /// Licence of the subject, an SPDX expression
    #[arg(long, value_name = "EXPRESSION")]
    source_license: Option<String>,
    /// Who distributes the subject
    #[arg(long, value_name = "NAME <MAIL> (URL)")]
    source_supplier: Option<String>,
    /// Who made the subject
    #[arg(long, value_name = "NAME <MAIL> (URL)")]
    source_manufacturer: Option<String>,
    /// Whom to tell of a weakness in the subject: a mail address, or the address of a page
    #[arg(long, value_name = "CONTACT")]
    security_contact: Option<String>,
    /// Who answers for the document; may be given several times
    #[arg(long, value_name = "NAME <MAIL> (URL)")]
    author: Vec<String>,
    /// At which point of the subject's life the document is made [default: post-build]
    #[arg(long, value_name = "PHASE")]
    lifecycle: Option<String>,
}

impl StatedArgs {
    /// What is stated, in options and in the file.
    pub(crate) fn read(&self, environment: &Environment, limits: &Limits) -> Result<Stated, Failure> {
        let flags = self.flags();
        flags.check().map_err(|error| Failure::usage(anyhow!(error)))?;
        let file = self.file(environment, limits)?;
        Ok(flags.or(file.unwrap_or_default()))
    }

    fn flags(&self) -> Stated {
        let party = |text: &Option<String>| text.clone().map(StatedParty::Text);
        Stated {
            subject: Subject {
                name: self.source_name.clone(),
                version: self.source_version.clone(),
                license: self.source_license.clone(),
                supplier: party(&self.source_supplier),
                manufacturer: party(&self.source_manufacturer),
                security_contact: self.security_contact.clone(),
            },
            document: Header {
                authors: self.author.iter().cloned().map(StatedParty::Text).collect(),
                lifecycle: self.lifecycle.clone(),
            },
        }
    }

    /// The facts of the file that was named, or else of the first that is there.
    fn file(&self, environment: &Environment, limits: &Limits) -> Result<Option<Stated>, Failure> {
        let named = self.config.as_ref().or(environment.named_settings.as_ref());
        let usual = || std::iter::once(PathBuf::from(FILE)).chain(environment.settings.iter().cloned());
        let Some(path) = named.cloned().or_else(|| usual().find(|path| path.is_file())) else {
            return Ok(None);
        };
        let read = || -> anyhow::Result<Stated> {
            let bytes = read_capped(File::open(&path)?, limits.config_bytes)?;
            let text = String::from_utf8(bytes).map_err(|_not_utf8| anyhow!("it is not UTF-8"))?;
            let stated: Stated = toml::from_str(&text)?;
            stated.check()?;
            Ok(stated)
        };
        let stated = read().with_context(|| format!("reading {}", path.display())).map_err(Failure::usage)?;
        tracing::info!("facts of {} go into the documents", path.display());
        Ok(Some(stated))
    }
}
