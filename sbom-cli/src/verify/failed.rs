//! Subjects that could not be looked at, and how the program ends by them.

use super::verdict::worst;
use crate::{
    exit_code::{Exit, Failure},
    terminal::Terminal,
};

/// Subjects that could not be looked at. They keep the others from nothing.
#[derive(Default)]
pub(super) struct Failed(Vec<(String, Failure)>);

impl Failed {
    /// Takes a failure down; a wrong command line ends all, unless there are verdicts to be told.
    pub(super) fn add(&mut self, subject: &str, failure: Failure, are_verdicts: bool) -> Result<(), Failure> {
        if failure.exit == Exit::Usage && !are_verdicts {
            return Err(failure);
        }
        self.keep(subject, failure);
        Ok(())
    }

    /// Takes a failure down that comes after a verdict, and keeps it from nothing, whatever it is.
    pub(super) fn keep(&mut self, subject: &str, failure: Failure) {
        self.0.push((subject.to_owned(), failure));
    }

    /// Tells of all of them, and ends as they and the others make it end.
    pub(super) fn end(mut self, others: Exit, terminal: &Terminal) -> Result<Exit, Failure> {
        let exit = worst(std::iter::once(others).chain(self.0.iter().map(|(_, failure)| failure.exit)));
        let told = |(subject, failure): (String, Failure)| {
            let names_it = failure.source.to_string().contains(&subject);
            Failure { exit, source: if names_it { failure.source } else { failure.source.context(subject) } }
        };
        let Some(last) = self.0.pop() else { return Ok(exit) };
        for failure in self.0 {
            terminal.error(&told(failure).source);
        }
        Err(told(last))
    }
}
