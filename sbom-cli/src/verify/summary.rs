//! Summaries of verifications (SLSA VSA): what the gate said of an image, signed, so that others need not ask again.
//!
//! Source: SLSA 1.0, "Verification Summary Attestation".

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attach::{self, Attachment, Settings, Stopwatch},
    attest::{
        predicate::{Family, PredicateType},
        statement::{self, Subject},
    },
    digest::Digest,
    limits::Limits,
    policy::{Decision, Policy, Verdict},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use crate::{
    attest::Author,
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    keys::{self, SignerOptions},
    output,
    place::Image,
};

/// Whether to write a summary.
#[derive(Debug, Args)]
#[command(next_help_heading = "Summary")]
pub(crate) struct SummaryArgs {
    /// Sign what the gate says with this private key, as a verification summary (SLSA VSA)
    #[arg(long, value_name = "KEY", requires = "policy")]
    vsa_key: Option<String>,
    /// Write the signed summary to this file, one line for each image
    #[arg(long, value_name = "FILE", requires = "vsa_key")]
    vsa_output: Option<PathBuf>,
    /// Put the signed summary beside the image
    #[arg(long, requires = "vsa_key")]
    vsa_push: bool,
    #[command(flatten)]
    options: SignerOptions,
}

/// Writes summaries.
pub(super) struct Summaries<'a> {
    arguments: &'a SummaryArgs,
    author: Author,
    policy: (String, Digest),
    now: Timestamp,
    lines: Vec<u8>,
}

impl SummaryArgs {
    /// Whether a summary is put beside the image.
    pub(super) fn pushes(&self) -> bool {
        self.vsa_push
    }

    /// What writes summaries, if they are wanted.
    pub(super) fn prepare(
        &self,
        file: &std::path::Path,
        policy: &Policy,
        environment: &Environment,
        now: Timestamp,
    ) -> Result<Option<Summaries<'_>>, Failure> {
        let Some(key) = &self.vsa_key else { return Ok(None) };
        if self.vsa_output.is_none() && !self.vsa_push {
            let message = "--vsa-key signs a summary that goes nowhere: add --vsa-output FILE or --vsa-push";
            return Err(Failure::usage(anyhow!(message)));
        }
        if let Some(file) = &self.vsa_output {
            output::check(file)?;
        }
        let author = Author::Key(keys::signer(Some(key), &self.options, environment)?);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Some(Summaries {
            arguments: self,
            author,
            policy: (name, policy.digest.clone()),
            now,
            lines: Vec::new(),
        }))
    }
}

impl Summaries<'_> {
    /// Signs the summary of one verdict. An undecided one is none: it says nothing that holds tomorrow.
    pub(super) fn add(
        &mut self,
        image: &Image,
        verdict: &Verdict,
        heard: &BTreeSet<Digest>,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let result = match verdict.decision {
            Decision::Allow | Decision::Warn => "PASSED",
            Decision::Deny => "FAILED",
            Decision::Undecided => return Ok(()),
        };
        let predicate = predicate(image, verdict, result, heard, &self.policy);
        let kind = PredicateType::new(Family::VerificationSummary.uri());
        let subject = Subject::new(image.naming.name.clone(), &image.root.digest);
        let bytes = serde_json::to_vec(&predicate)
            .map_err(|error| Failure::environment(anyhow::Error::new(error)))?;
        let statement = statement::write(&[subject], &kind, &bytes)
            .map_err(|error| Failure { exit: Exit::BadInput, source: error.into() })?;
        let bundle = self.author.sign(statement)?;
        if self.arguments.vsa_push {
            let clock = Stopwatch::default();
            let settings =
                Settings { clock: &clock, seed: environment::entropy(), also_legacy: false, limits };
            let attachment = Attachment {
                bundle: &bundle,
                predicate_type: kind.uri(),
                subjects: std::slice::from_ref(&image.root),
                created: Some(self.now),
            };
            attach::attach(image.sink()?, &[attachment], &settings)?;
        }
        self.lines.extend_from_slice(&bundle);
        self.lines.push(b'\n');
        Ok(())
    }

    /// Writes the file, if one is wanted.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        match &self.arguments.vsa_output {
            Some(file) => output::to_file(file, |out| out.write_all(&self.lines)),
            None => Ok(()),
        }
    }
}

fn predicate(
    image: &Image,
    verdict: &Verdict,
    result: &str,
    heard: &BTreeSet<Digest>,
    (policy, digest): &(String, Digest),
) -> Value {
    let inputs: Vec<Value> = heard
        .iter()
        .map(|digest| json!({ "uri": format!("{}@{digest}", image.naming.name), "digest": { "sha256": digest.hex() } }))
        .collect();
    json!({
        "verifier": {
            "id": "https://github.com/sbomctl/sbomctl",
            "version": { "sbomctl": env!("CARGO_PKG_VERSION") },
        },
        "timeVerified": verdict.time,
        "resourceUri": image.pinned(),
        "policy": { "uri": policy, "digest": { "sha256": digest.hex() } },
        "inputAttestations": inputs,
        "verificationResult": result,
        "verifiedLevels": Vec::<String>::new(),
        "slsaVersion": "1.0",
    })
}
