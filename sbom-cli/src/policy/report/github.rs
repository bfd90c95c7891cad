//! Verdicts as annotations of GitHub Actions, at the line of the policy that asks for what is missing.
//!
//! Source: GitHub's "Workflow commands" and the runner that reads them (`ActionCommand`). A command begins with `::` at the
//! start of a line, blanks aside, or, in its older form, with `##[` anywhere in one; it ends at the line's end. So nothing of
//! an image may begin one.

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
            None => writeln!(out, "{}", plain(&text))?,
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

/// A line that is no command, whatever the text.
fn plain(text: &str) -> String {
    format!("sbomctl: {}", data(text).replace("##[", "#%23["))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sbom_core::policy::{
        Reason,
        model::Mode,
        verdict::{Check, Outcome, RuleVerdict},
    };

    use super::*;

    /// Name, properties and data of a command.
    type Command = (String, Vec<(String, String)>, String);

    /// A command as the runner reads it from a line; none if the line is none.
    fn read(line: &str) -> Option<Command> {
        if let Some(rest) = line.trim_start().strip_prefix("::") {
            let (head, data) = rest.split_once("::")?;
            let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
            let property = |property: &str| {
                let (key, value) = property.split_once('=').unwrap_or((property, ""));
                (key.to_owned(), unescape(value, &[("%3A", ":"), ("%2C", ",")]))
            };
            return Some((
                name.to_owned(),
                properties.split(',').map(property).collect(),
                unescape(data, &[]),
            ));
        }
        line.contains("##[").then(|| ("older".to_owned(), Vec::new(), String::new()))
    }

    fn unescape(text: &str, more: &[(&str, &str)]) -> String {
        let mut text = text.replace("%0D", "\r").replace("%0A", "\n");
        for (from, to) in more {
            text = text.replace(from, to);
        }
        text.replace("%25", "%")
    }

    fn verdict(image: &str, decision: Decision, message: &str, checks: Vec<Check>) -> Verdict {
        let rule =
            RuleVerdict { rule: 0, name: None, line: 1, mode: Mode::Enforce, outcome: Outcome::Fail, checks };
        Verdict {
            image: image.to_owned(),
            digest: String::new(),
            decision,
            reason: Reason::REGISTRY,
            message: message.to_owned(),
            policy: String::new(),
            time: String::new(),
            rules: vec![rule],
            exceptions: Vec::new(),
        }
    }

    fn failed(platform: &str, message: &str) -> Check {
        Check {
            path: String::new(),
            line: 3,
            platform: Some(platform.to_owned()),
            outcome: Outcome::Fail,
            reason: Reason::DRIFT,
            message: message.to_owned(),
            details: Vec::new(),
            more_details: 0,
        }
    }

    /// What the runner reads of the report on one image: the names of all commands, with their files.
    fn commands(verdict: Verdict, policy: &str) -> Vec<(String, Option<String>)> {
        let mut out = Vec::new();
        write(&[verdict], policy, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}']);
        lines
            .filter_map(read)
            .map(|(name, properties, _)| {
                let file = properties.into_iter().find(|(key, _)| key == "file").map(|(_, value)| value);
                (name, file)
            })
            .collect()
    }

    #[test]
    fn a_name_that_looks_like_a_command_is_none() {
        for name in [
            "::error::x",
            "  ::stop-commands::x",
            "##[error]x",
            "a\n::error::x",
            "a\r::error::x",
            "%0A::error::x",
        ] {
            assert_eq!(commands(verdict(name, Decision::Allow, name, Vec::new()), "p.yaml"), [], "{name:?}");
            let denied = verdict(name, Decision::Deny, name, vec![failed(name, name)]);
            let file = Some("p.yaml".to_owned());
            assert_eq!(commands(denied, "p.yaml"), [("error".to_owned(), file)], "{name:?}");
        }
    }

    /// Pieces out of which commands are made, and anything else.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "::", "##[", "]", "\n", "\r", "%0A", "%25", ":", ",", "=", " ", "error", "\u{2028}", "\u{1b}"
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_forges_a_command(image in text(), message in text(), platform in text(), policy in text()) {
            let allowed = verdict(&image, Decision::Allow, &message, Vec::new());
            prop_assert_eq!(commands(allowed, &policy), []);
            let denied = verdict(&image, Decision::Deny, &message, vec![failed(&platform, &message)]);
            let file = Some(escape_control(&policy).into_owned().replace("\\n", "\n"));
            let found = commands(denied, &policy);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].0, "error");
            let found = found[0].1.as_ref().map(|file| file.replace("\\n", "\n"));
            prop_assert_eq!(found, file);
        }
    }
}
