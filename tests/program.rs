//! Runs `sbomctl` and reads what it wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output as JSON, of a run that must have succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// The program with an environment of its own.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sbomctl"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program.
pub(crate) fn sbomctl(arguments: &[&str]) -> Run {
    finish(command(arguments), &[])
}

/// Runs the program with `input` on its standard input.
pub(crate) fn sbomctl_with_input(arguments: &[&str], input: &[u8]) -> Run {
    let mut command = command(arguments);
    command.stdin(Stdio::piped());
    finish(command, input)
}

/// Runs a prepared command to its end.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Run {
    let mut child = command.spawn().unwrap();
    std::thread::scope(|scope| {
        if let Some(mut stdin) = child.stdin.take() {
            // The program may close its input before the end.
            scope.spawn(move || drop(stdin.write_all(input)));
        }
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    })
}

/// The CycloneDX document of the image in the layout `folder`.
pub(crate) fn cyclonedx(folder: &Path) -> Document {
    cyclonedx_with(folder, &[])
}

/// The same, with further arguments.
pub(crate) fn cyclonedx_with(folder: &Path, arguments: &[&str]) -> Document {
    let subject = format!("oci:{}", folder.display());
    let arguments = [&["scan", &subject, "-o", "cyclonedx-json"], arguments].concat();
    Document(sbomctl(&arguments).json())
}

/// A CycloneDX document, by the questions that tests ask.
#[derive(Debug)]
pub(crate) struct Document(pub(crate) Value);

impl Document {
    fn components(&self) -> impl Iterator<Item = &Value> {
        self.0["components"].as_array().into_iter().flatten()
    }

    /// The purls of all components that have one.
    pub(crate) fn purls(&self) -> Vec<String> {
        self.components().filter_map(|c| c["purl"].as_str()).map(str::to_owned).collect()
    }

    /// `NAME VERSION` of all components but the operating system.
    pub(crate) fn packages(&self) -> Vec<String> {
        let packages = self.components().filter(|c| c["type"] != "operating-system");
        let mut packages: Vec<String> = packages
            .map(|c| format!("{} {}", text(&c["name"]), text(&c["version"])).trim().to_owned())
            .collect();
        packages.sort();
        packages
    }

    /// The component called `name`.
    pub(crate) fn component(&self, name: &str) -> &Value {
        self.components().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no component {name}"))
    }

    /// The values of the property `property` of the component called `name`.
    pub(crate) fn properties(&self, name: &str, property: &str) -> Vec<String> {
        let properties = self.component(name)["properties"].as_array().into_iter().flatten();
        properties.filter(|p| p["name"] == property).map(|p| text(&p["value"])).collect()
    }

    /// `FROM -> TO` by name, for all edges between components.
    pub(crate) fn edges(&self) -> BTreeSet<String> {
        let names: BTreeMap<&str, &str> =
            self.components().filter_map(|c| Some((c["bom-ref"].as_str()?, c["name"].as_str()?))).collect();
        let mut edges = BTreeSet::new();
        for entry in self.0["dependencies"].as_array().into_iter().flatten() {
            let Some(from) = entry["ref"].as_str().and_then(|from| names.get(from)) else { continue };
            for to in entry["dependsOn"].as_array().into_iter().flatten() {
                if let Some(to) = to.as_str().and_then(|to| names.get(to)) {
                    edges.insert(format!("{from} -> {to}"));
                }
            }
        }
        edges
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
