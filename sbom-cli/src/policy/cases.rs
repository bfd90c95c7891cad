//! `sbomctl policy test`: each case is evaluated, and its verdict is held against what it should be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    image_path::escape_control,
    limits::Limits,
    policy::{Policy, Verdict, evaluate, fixture::Fixture},
};

use super::{bytes, load, relative, text, wrong};
use crate::{
    exit_code::{Exit, Failure},
    output,
    terminal::Terminal,
};

/// Folders in one another that are looked into.
const MAX_DEPTH: usize = 16;

const EXAMPLES: &str = "\
Examples:
  sbomctl policy test tests/
  sbomctl policy test policy.test.yaml";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArgs {
    /// Files of cases, or folders with such files: *.test.yaml
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Runs the subcommand.
pub(super) fn run(arguments: &TestArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut files = BTreeSet::new();
    for path in &arguments.paths {
        if path.is_dir() {
            collect(path, 0, &mut files)?;
        } else {
            files.insert(path.clone());
        }
    }
    if files.is_empty() {
        return Err(Failure::usage(anyhow!("there is no file of cases (*.test.yaml) to test with")));
    }
    let mut policies = BTreeMap::new();
    let (mut lines, mut failed, mut count) = (Vec::new(), 0_usize, 0_usize);
    for file in &files {
        for (case, line, verdict, mismatch) in evaluated(file, &mut policies)? {
            count += 1;
            let place = format!("{}:{line}: {}", file.display(), escape_control(&case));
            match mismatch {
                Some(mismatch) => {
                    failed += 1;
                    lines.push(format!("FAIL  {place}: {}", escape_control(&mismatch)));
                }
                None => lines.push(format!("pass  {place}: {}", verdict.decision.name())),
            }
        }
    }
    output::to_stdout(|out| {
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out, "\n{count} cases, {failed} of them not as they should be")
    })?;
    if failed == 0 {
        return Ok(Exit::Done);
    }
    terminal.warn(format_args!("{failed} of {count} cases do not end as they should"));
    Ok(Exit::No)
}

type Evaluated = (String, usize, Verdict, Option<String>);

fn evaluated(file: &Path, policies: &mut BTreeMap<PathBuf, Policy>) -> Result<Vec<Evaluated>, Failure> {
    let (fixture, policy) = open(file)?;
    if !policies.contains_key(&policy) {
        policies.insert(policy.clone(), load(&policy)?);
    }
    let Some(policy) = policies.get(&policy) else { return Ok(Vec::new()) };
    let mut evaluated = Vec::new();
    for case in fixture.cases {
        let Some(expect) = &case.expect else {
            return Err(Failure::usage(anyhow!(
                "{}:{}: the case expects nothing",
                file.display(),
                case.line
            )));
        };
        let verdict = evaluate(policy, &case.subject, &case.evidence, case.now, &Limits::default());
        let mismatch = expect.mismatch(&verdict);
        evaluated.push((case.name, case.line, verdict, mismatch));
    }
    Ok(evaluated)
}

/// Reads a file of cases; gives the file of its policy as well.
pub(super) fn open(file: &Path) -> Result<(Fixture, PathBuf), Failure> {
    let mut read = |name: &str| bytes(&relative(file, name)).map_err(|error| format!("{error:#}"));
    let fixture = Fixture::parse(&text(file)?, &mut read).map_err(|errors| wrong(file, &errors))?;
    let policy = relative(file, &fixture.policy);
    Ok((fixture, policy))
}

fn collect(folder: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(anyhow!("reading {}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        // Links are not followed, for they may lead back.
        let kind = entry.file_type().map_err(unreadable)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() && depth < MAX_DEPTH {
            collect(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() && (name.ends_with(".test.yaml") || name.ends_with(".test.yml")) {
            files.insert(entry.path());
        }
    }
    Ok(())
}
