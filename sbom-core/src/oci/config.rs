//! Image configurations: platform, build history, labels, and what each layer unpacks to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Platform,
    manifest::{ManifestError, RawPlatform, null_as_default},
};
use crate::digest::Digest;

/// An image configuration. Whatever is not there is empty: images in the wild lack one field or another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// When it was built, RFC 3339 as written.
    pub created: Option<String>,
    /// What it runs on.
    pub platform: Platform,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What each layer hashes to once it is uncompressed, lowest first.
    pub diff_ids: Vec<Digest>,
    /// The build instructions that made layers, lowest first; those that only set metadata are left out.
    instructions: Vec<Option<String>>,
}

impl Config {
    /// Reads a configuration.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let raw: RawConfig = serde_json::from_slice(bytes)?;
        let digest = |text: String| {
            text.parse().map_err(|source| ManifestError::Digest { field: "rootfs.diff_ids", source })
        };
        let diff_ids = raw.rootfs.diff_ids.into_iter().map(digest).collect::<Result<_, _>>()?;
        let made_layers = raw.history.into_iter().filter(|step| !step.empty_layer);
        Ok(Self {
            created: raw.created.filter(|created| !created.is_empty()),
            // Not flattened into a structure of its own: serde would hold all of the configuration twice.
            platform: RawPlatform {
                os: raw.os,
                architecture: raw.architecture,
                variant: raw.variant,
                os_version: raw.os_version,
            }
            .into(),
            labels: raw.config.labels,
            diff_ids,
            instructions: made_layers.map(|step| step.created_by.filter(|text| !text.is_empty())).collect(),
        })
    }

    /// The instruction that made layer `index`. None for any layer if the history speaks of another number of
    /// layers than the image has, as that of a squashed or imported image does.
    pub fn created_by(&self, index: usize) -> Option<&str> {
        if self.instructions.len() != self.diff_ids.len() {
            return None;
        }
        self.instructions.get(index)?.as_deref()
    }
}

#[derive(Deserialize)]
struct RawConfig {
    created: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    os: String,
    #[serde(default, deserialize_with = "null_as_default")]
    architecture: String,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    config: RawRuntime,
    #[serde(default, deserialize_with = "null_as_default")]
    rootfs: RawRootFs,
    #[serde(default, deserialize_with = "null_as_default")]
    history: Vec<RawStep>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct RawRuntime {
    #[serde(default, deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
struct RawRootFs {
    #[serde(default, deserialize_with = "null_as_default")]
    diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct RawStep {
    created_by: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    empty_layer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn config(json: &str) -> Config {
        Config::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_configuration_without_any_field_is_empty() {
        assert_eq!(config("{}"), Config::default());
        assert_eq!(
            config(r#"{"config":null,"rootfs":null,"history":null,"created":null}"#),
            Config::default()
        );
    }

    #[test]
    fn a_configuration_says_what_it_runs_on() {
        let config = config(
            r#"{"os":"linux","architecture":"arm","variant":"v7","os.version":"","created":"2020-01-01T00:00:00Z",
                "config":{"Labels":{"a":"b"}}}"#,
        );
        assert_eq!(config.platform.to_string(), "linux/arm/v7");
        assert_eq!(config.created.as_deref(), Some("2020-01-01T00:00:00Z"));
        assert_eq!(config.labels.get("a").map(String::as_str), Some("b"));
    }

    #[test]
    fn steps_that_made_no_layer_are_not_counted() {
        let config = config(&format!(
            r#"{{"rootfs":{{"type":"layers","diff_ids":["{A}","{A}"]}},
                "history":[{{"created_by":"ADD"}},{{"created_by":"ENV","empty_layer":true}},{{"created_by":"RUN"}}]}}"#
        ));
        assert_eq!(config.created_by(0), Some("ADD"));
        assert_eq!(config.created_by(1), Some("RUN"));
        assert_eq!(config.created_by(2), None);
    }

    #[test]
    fn a_history_of_another_length_says_nothing() {
        let config = config(&format!(
            r#"{{"rootfs":{{"diff_ids":["{A}"]}},"history":[{{"created_by":"ADD"}},{{"created_by":"RUN"}}]}}"#
        ));
        assert_eq!(config.created_by(0), None);
    }

    #[test]
    fn a_diff_id_that_is_no_digest_is_refused() {
        let error = Config::parse(br#"{"rootfs":{"diff_ids":["sha256:../../etc"]}}"#).unwrap_err();
        assert!(matches!(error, ManifestError::Digest { field: "rootfs.diff_ids", .. }), "{error}");
    }
}
