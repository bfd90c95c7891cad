//! Where the time in a document comes from.

use anyhow::anyhow;
use sbom_core::document::Timestamp;

use crate::{
    environment::{self, Environment},
    exit_code::Failure,
};

/// The time that users want in documents, if they say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stamp {
    Given(Timestamp),
    /// The time at which the program runs.
    Now(Timestamp),
    OfSubject,
}

impl Stamp {
    /// `argument` is what `--timestamp` says.
    pub(crate) fn parse(argument: Option<&str>, environment: &Environment) -> Result<Self, Failure> {
        let wrong = |what: &str, value: &str| {
            let form = "expected RFC 3339 as in 2024-02-29T12:00:00Z, seconds since 1970, or `now`";
            Failure::usage(anyhow!("{what} {value:?} is no time: {form}"))
        };
        let seconds = |text: &str| Timestamp::from_unix(text.parse().ok()?).ok();
        match (argument, &environment.source_date_epoch) {
            (Some("now"), _) => Ok(Self::Now(environment::now())),
            (Some(text), _) => {
                let time = seconds(text).or_else(|| text.parse().ok());
                time.map(Self::Given).ok_or_else(|| wrong("--timestamp", text))
            }
            (None, Some(text)) => {
                seconds(text).map(Self::Given).ok_or_else(|| wrong("SOURCE_DATE_EPOCH", text))
            }
            (None, None) => Ok(Self::OfSubject),
        }
    }

    /// The time to write; `known` is that of what is written about.
    pub(crate) fn or(self, known: Option<Timestamp>) -> Timestamp {
        match self {
            Self::Given(timestamp) | Self::Now(timestamp) => timestamp,
            Self::OfSubject => known.unwrap_or(Timestamp::UNKNOWN),
        }
    }
}
