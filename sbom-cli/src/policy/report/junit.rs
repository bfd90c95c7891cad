//! Verdicts as JUnit's XML: an image is a suite, a check a case. What cannot be told is an error, for it is no failure.

use std::io::{self, Write};

use sbom_core::policy::{
    Decision, Verdict,
    model::Mode,
    verdict::{Check, Outcome, RuleVerdict},
};

use super::paragraph;

/// Writes all suites.
pub(super) fn write(verdicts: &[Verdict], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"sbomctl verify\">")?;
    verdicts.iter().try_for_each(|verdict| suite(verdict, out))?;
    writeln!(out, "</testsuites>")
}

fn suite(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let cases: Vec<(&str, String, Element)> = if verdict.rules.is_empty() {
        vec![("policy", "default".to_owned(), of_verdict(verdict))]
    } else {
        let rules = verdict.rules.iter();
        rules.flat_map(|rule| rule.checks.iter().map(move |check| case(rule, check))).collect()
    };
    let count = |kind: &str| cases.iter().filter(|(_, _, element)| element.kind == kind).count();
    writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" timestamp=\"{}\">",
        escaped(&verdict.image),
        cases.len(),
        count("failure"),
        count("error"),
        count("skipped"),
        escaped(&verdict.time),
    )?;
    for (class, name, element) in &cases {
        write!(out, "    <testcase classname=\"{}\" name=\"{}\"", escaped(class), escaped(name))?;
        element.write(out)?;
    }
    writeln!(out, "  </testsuite>")
}

/// What a case contains: nothing if it passes.
struct Element {
    kind: &'static str,
    reason: String,
    message: String,
    text: String,
}

impl Element {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (kind, message) = (self.kind, escaped(&self.message));
        match kind {
            "" => writeln!(out, "/>"),
            "skipped" => writeln!(out, "><skipped message=\"{message}\"/></testcase>"),
            kind => writeln!(
                out,
                "><{kind} type=\"{}\" message=\"{message}\">{}</{kind}></testcase>",
                escaped(&self.reason),
                escaped(&self.text),
            ),
        }
    }
}

fn of_verdict(verdict: &Verdict) -> Element {
    let kind = match verdict.decision {
        Decision::Allow | Decision::Warn => "",
        Decision::Undecided => "error",
        Decision::Deny => "failure",
    };
    let message = verdict.message.clone();
    Element { kind, reason: verdict.reason.code().to_owned(), text: message.clone(), message }
}

fn case<'a>(rule: &'a RuleVerdict, check: &Check) -> (&'a str, String, Element) {
    let kind = match (check.outcome, rule.mode) {
        (Outcome::Pass, _) => "",
        (Outcome::Fail, Mode::Enforce) => "failure",
        (Outcome::Undecided, Mode::Enforce) => "error",
        // Who is only warned must not find the build broken.
        _ => "skipped",
    };
    let message = match rule.mode {
        Mode::Enforce => check.message.clone(),
        mode => format!("{} only: {}", mode.name(), check.message),
    };
    let platform = check.platform.as_deref().map(|platform| format!(" {platform}")).unwrap_or_default();
    let class = rule.name.as_deref().unwrap_or("policy");
    let element = Element { kind, reason: check.reason.code().to_owned(), message, text: paragraph(check) };
    (class, format!("{}{platform}", check.path), element)
}

/// A text for XML 1.0, which has no way to write control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
