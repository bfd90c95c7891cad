//! Verdicts as annotations of GitHub Actions, at the line of the policy that asks for what is missing.
//!
//! Source: GitHub's "Workflow commands", which end at a line's end; so nothing of an image may begin one.

use std::io::{self, Write};

use sbom_core::{
    image_path::escape_control,
    policy::{Decision, Verdict},
};

use super::{Level, faults, paragraph, place};

/// Writes a command for each check that does not pass, and a line for each image.
pub(super) fn write(verdicts: &[Verdict], policy: &str, out: &mut dyn Write) -> io::Result<()> {
    for verdict in verdicts {
        let mut commands = 0_usize;
        for (level, _, check) in faults(verdict) {
            let text = format!("{}: {}", place(verdict, check), paragraph(check));
            command(level, policy, check.line, check.reason.code(), &text, out)?;
            commands += 1;
        }
        let level = match verdict.decision {
            Decision::Allow => None,
            Decision::Warn => Some(Level::Warning),
            Decision::Undecided | Decision::Deny => Some(Level::Error),
        };
        let text = format!("{}: {}: {}", verdict.image, verdict.decision.name(), verdict.message);
        match level.filter(|_| commands == 0) {
            Some(level) => command(level, policy, 1, verdict.reason.code(), &text, out)?,
            // Blanks before it, so that no name of an image can be a command.
            None => writeln!(out, "  {}", data(&text))?,
        }
    }
    Ok(())
}

fn command(
    level: Level,
    policy: &str,
    line: usize,
    title: &str,
    text: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    writeln!(out, "::{name} file={},line={line},title={}::{}", property(policy), property(title), data(text))
}

/// Text as workflow commands carry it; what controls a terminal is shown and not sent.
fn data(text: &str) -> String {
    let lines = text.split('\n').map(|line| escape_control(line).into_owned());
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
